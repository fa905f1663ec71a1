import {
  type CloudFormationClient,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
} from "@aws-sdk/client-cloudformation";
import { STACK_IDS, stageNames } from "@dbward-aws/contract";
import { displayText } from "@dbward-aws/core";
import { firstFailedEvent } from "@dbward-aws/stage";

/** A stack of the stage, as CloudFormation reports it. */
export interface StackState {
  readonly name: string;
  readonly status: string;
}

/** The stage's stacks that exist, in the order of their life. */
export async function stageStacks(
  cloudFormation: CloudFormationClient,
  stage: string,
): Promise<StackState[]> {
  const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({}));
  const status = new Map(Stacks.map((stack) => [stack.StackName, stack.StackStatus]));
  const names = stageNames(stage);
  return STACK_IDS.map((id) => names.stack(id))
    .filter((name) => status.has(name))
    .map((name) => ({ name, status: status.get(name) ?? "UNKNOWN" }));
}

/**
 * What failed in the stage's stacks and why; the cause only, not the resources that were cancelled because of
 * it.
 *
 * @param since what failed before is the reason of a former run: a stack that this one doesn't reach keeps
 * its state
 */
export async function failureReasons(
  cloudFormation: CloudFormationClient,
  stage: string,
  since: Date,
): Promise<string[]> {
  // The emulator's events have whole seconds.
  const from = Math.floor(since.getTime() / 1_000) * 1_000;
  const reasons: string[] = [];
  for (const { name, status } of await stageStacks(cloudFormation, stage)) {
    if (!/FAILED|ROLLBACK/.test(status)) continue;
    const { StackEvents = [] } = await cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: name }),
    );
    const cause = firstFailedEvent(
      StackEvents.filter(({ Timestamp }) => (Timestamp?.getTime() ?? 0) >= from),
    );
    if (cause) {
      reasons.push(
        displayText(
          `${name}: ${cause.ResourceType} ${cause.LogicalResourceId}: ${cause.ResourceStatusReason ?? cause.ResourceStatus}`,
        ),
      );
    }
  }
  return reasons;
}
