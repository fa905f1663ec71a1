import { type Stack, UpdateStackCommand } from "@aws-sdk/client-cloudformation";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { type AwsClients, during, findStack, firstFailure } from "@dbward-aws/stage";
import { readResources, type StackResource, withRetained } from "./stack-resources.ts";

const ASK_EVERY_MS = 2_000;
const WAIT_MINUTES = 30;

/** A stack of a manual deployment would delete what the stage uses. */
export class RetainError extends DbwardError {
  override readonly name = "RetainError";

  constructor(stack: string, what: string) {
    super(
      "resources-not-retained",
      `Stack ${stack} would still delete resources that the stage uses: ${what}.`,
      {
        hint: "The stage works. Don't delete this stack; remove the cause, and run this command again.",
      },
    );
  }
}

/**
 * Makes a stack retain resources when it is deleted. Nothing else of it is changed.
 *
 * @param isUsed whether the stage uses a resource
 * @returns the resources that are retained now
 * @throws RetainError, AwsCallError; the reason of the signal
 */
export async function retainInStack(
  clients: AwsClients,
  name: string,
  isUsed: (resource: StackResource) => boolean,
  signal: AbortSignal,
): Promise<readonly StackResource[]> {
  // Another run of this, which was cut off, may have left an update to wait for.
  const stack = await settled(clients, name, signal);
  if (!stack) return [];
  const before = await readResources(clients, stack);
  const wanted = before.resources.filter(isUsed);
  const lacking = wanted.filter(({ isRetained }) => !isRetained);
  if (lacking.length === 0) return wanted;
  const TemplateBody = withRetained(
    before.template,
    lacking.map(({ logicalId }) => logicalId),
  );
  await during(
    `Updating stack ${name}`,
    clients.cloudFormation.send(
      new UpdateStackCommand({
        StackName: name,
        TemplateBody,
        Capabilities: ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        Parameters: (stack.Parameters ?? []).map(({ ParameterKey }) => ({
          ParameterKey,
          UsePreviousValue: true,
        })),
      }),
    ),
  );
  const ended = await settled(clients, name, signal);
  if (ended?.StackStatus !== "UPDATE_COMPLETE")
    throw new RetainError(
      name,
      ended
        ? `after its update it is ${ended.StackStatus}${await firstFailure(clients, ended)}`
        : "it was deleted meanwhile",
    );
  // The template that CloudFormation has is what counts.
  const after = await readResources(clients, ended);
  const still = after.resources.filter((resource) => isUsed(resource) && !resource.isRetained);
  if (still.length > 0) throw new RetainError(name, still.map(({ logicalId }) => logicalId).join(", "));
  return after.resources.filter(isUsed);
}

/** The stack when no operation on it is under way; as it is after half an hour. */
async function settled(clients: AwsClients, name: string, signal: AbortSignal): Promise<Stack | undefined> {
  let last: Stack | undefined;
  await Deadline.after(WAIT_MINUTES * 60_000, signal).until(async () => {
    last = await findStack(clients, name);
    return last?.StackStatus?.endsWith("_IN_PROGRESS") ? undefined : true;
  }, ASK_EVERY_MS);
  signal.throwIfAborted();
  return last;
}
