import {
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
import { STACK_IDS } from "@dbward-aws/contract";
import { redact } from "@dbward-aws/core";
import type { AwsClients } from "../aws-clients.ts";
import { during } from "../aws-error.ts";
import type { CommandContext } from "../command.ts";
import type { StatusLine } from "./stage-status.ts";

/** The stage's stacks; one that failed says with which resource it began. */
export async function stackLines({ clients, names, links, settings }: CommandContext): Promise<StatusLine[]> {
  return Promise.all(
    STACK_IDS.map(async (id) => {
      const name = names.stack(id);
      const stack = await findStack(clients, name);
      if (!stack)
        return {
          name,
          state: "missing",
          problem: {
            message: `Stack ${name} isn't there. Run: pnpm sst deploy --stage ${settings.stage}`,
            link: links.stack(name),
          },
        };
      const state = stack.StackStatus ?? "unknown";
      if (!/FAILED|ROLLBACK/.test(state)) return { name, state };
      const reason = await firstFailure(clients, stack);
      return {
        name,
        state,
        problem: { message: `Stack ${name} is ${state}${reason}`, link: links.stack(stack.StackId ?? name) },
      };
    }),
  );
}

/** The stack of this name, or `undefined`. */
export async function findStack(clients: AwsClients, name: string): Promise<Stack | undefined> {
  const { Stacks } = await during(
    `Looking up stack ${name}`,
    clients.cloudFormation.send(new DescribeStacksCommand({ StackName: name })).catch((error: unknown) => {
      // CloudFormation has no error of its own for a stack that isn't there.
      if (error instanceof Error && /does not exist/.test(error.message)) return { Stacks: undefined };
      throw error;
    }),
  );
  return Stacks?.[0];
}

/** Why the last operation on a stack failed: `: RESOURCE failed: REASON`, or empty when its events name no failure. */
export async function firstFailure(clients: AwsClients, stack: Stack): Promise<string> {
  const { StackEvents = [] } = await during(
    `Reading the events of stack ${stack.StackName}`,
    clients.cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: stack.StackId ?? stack.StackName }),
    ),
  );
  const failed = firstFailedEvent(StackEvents);
  return failed
    ? `: ${failed.LogicalResourceId} failed: ${redact(failed.ResourceStatusReason ?? "no reason given")}`
    : "";
}

/**
 * The failure that the others of the last operation follow from, whatever order the events are in; resources that
 * were cancelled because of it don't count.
 */
export function firstFailedEvent(events: readonly StackEvent[]): StackEvent | undefined {
  const byTime = [...events].sort((a, b) => timeOf(a) - timeOf(b));
  const begun = byTime.findLastIndex(
    ({ PhysicalResourceId, StackId, ResourceStatus = "" }) =>
      PhysicalResourceId === StackId && /^(CREATE|UPDATE|DELETE|IMPORT)_IN_PROGRESS$/.test(ResourceStatus),
  );
  return byTime
    .slice(Math.max(0, begun))
    .find(
      ({ ResourceStatus, ResourceStatusReason }) =>
        ResourceStatus?.endsWith("_FAILED") && !/cancelled/i.test(ResourceStatusReason ?? ""),
    );
}

function timeOf({ Timestamp }: StackEvent): number {
  return Timestamp?.getTime() ?? 0;
}
