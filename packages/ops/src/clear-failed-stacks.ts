import { DeleteStackCommand } from "@aws-sdk/client-cloudformation";
import { STACK_IDS, stageNames } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import { AwsCallError, type AwsClients, during, findStack } from "@dbward-aws/stage";
import { setTerminationProtection } from "./termination-protection.ts";

/** What CloudFormation leaves of a stack whose first creation failed; such a stack can only be deleted. */
const REMAINS: ReadonlySet<string | undefined> = new Set(["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"]);
/** A function's network interfaces can take this long. */
const WAIT_MINUTES = 45;
const ASK_EVERY_MS = 1_000;

/**
 * Deletes what is left of stacks whose first creation failed, in the reverse order of their dependencies. SST
 * 2.49 deletes them as well, but then updates the stack that is gone, and every second attempt fails with
 * "does not exist".
 *
 * @returns names of the deleted stacks
 * @throws AwsCallError when one can't be deleted
 */
export async function clearFailedStacks(
  stage: string,
  clients: AwsClients,
  askEveryMs = ASK_EVERY_MS,
): Promise<string[]> {
  const cleared: string[] = [];
  for (const id of [...STACK_IDS].reverse()) {
    const name = stageNames(stage).stack(id);
    const stack = await findStack(clients, name);
    if (!REMAINS.has(stack?.StackStatus)) continue;
    if (stack?.EnableTerminationProtection) await setTerminationProtection(name, false, clients);
    const deleting = `Deleting stack ${name}, whose first creation failed,`;
    await during(deleting, clients.cloudFormation.send(new DeleteStackCommand({ StackName: name })));
    const ended = await Deadline.after(WAIT_MINUTES * 60_000).until(async () => {
      const status = (await findStack(clients, name))?.StackStatus ?? "DELETE_COMPLETE";
      return status === "DELETE_COMPLETE" || status === "DELETE_FAILED" ? status : undefined;
    }, askEveryMs);
    if (ended !== "DELETE_COMPLETE")
      throw new AwsCallError(deleting, new Error(ended ?? `still in progress after ${WAIT_MINUTES} minutes`));
    cleared.push(name);
  }
  return cleared;
}
