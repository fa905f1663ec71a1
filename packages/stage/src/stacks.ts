import {
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
  type StackEvent,
} from "@aws-sdk/client-cloudformation";
import { redact } from "@dbward-aws/core";
import type { AwsClients } from "./aws-clients.ts";
import { during } from "./aws-error.ts";

/** The stack of this name, or `undefined`. */
export async function findStack(
  clients: Pick<AwsClients, "cloudFormation">,
  name: string,
): Promise<Stack | undefined> {
  const { Stacks } = await during(
    `Looking up stack ${name}`,
    clients.cloudFormation.send(new DescribeStacksCommand({ StackName: name })).catch((error: unknown) => {
      // CloudFormation has no error code of its own for a stack that doesn't exist.
      if (error instanceof Error && /does not exist/.test(error.message)) return { Stacks: undefined };
      throw error;
    }),
  );
  return Stacks?.[0];
}

/**
 * Why the last operation on a stack failed: `: RESOURCE failed: REASON`, or empty when its events name no
 * failure.
 */
export async function firstFailure(
  clients: Pick<AwsClients, "cloudFormation">,
  stack: Pick<Stack, "StackId" | "StackName">,
): Promise<string> {
  const { StackEvents = [] } = await during(
    `Reading the events of stack ${stack.StackName}`,
    clients.cloudFormation.send(
      new DescribeStackEventsCommand({ StackName: stack.StackId ?? stack.StackName }),
    ),
  );
  const failed = firstFailedEvent(StackEvents);
  return failed
    ? `: ${failed.LogicalResourceId} failed: ${redact(failed.ResourceStatusReason ?? "without a reason")}`
    : "";
}

/**
 * The failure that the others of the last operation follow from, whatever order the events are in; resources
 * that were cancelled because of it don't count.
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
