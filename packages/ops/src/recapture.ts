import { type Stack, UpdateStackCommand } from "@aws-sdk/client-cloudformation";
import { CAPTURE_AGAIN_PARAMETER } from "@dbward-aws/contract";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { during, findStack, firstFailure } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";

/** The capture's own deadline and CloudFormation's rollback after it. */
const WAIT_MINUTES = 20;
const ASK_EVERY_MS = 2_000;

/** The capture was asked to run again, and didn't come to a good end. */
export class RecaptureError extends DbwardError {
  override readonly name = "RecaptureError";

  constructor(message: string, link?: string) {
    super("recapture-failed", message, { hint: `See ${link ? `${link} and ` : ""}docs/capture.md.` });
  }
}

/**
 * Has the token capture run again, by a new value of its stack's parameter; template and settings stay. It fills the
 * token secrets that are empty, and keeps the others.
 */
export async function recapture(context: CommandContext): Promise<void> {
  const { clients, names, links, print, signal } = context;
  const name = names.stack("Server");
  const before = await findStack(clients, name);
  if (!before)
    throw new RecaptureError(`Stack ${name} isn't there: nothing was captured yet.`, links?.stack(name));
  await during(
    `Updating stack ${name}`,
    clients.cloudFormation.send(
      new UpdateStackCommand({
        StackName: name,
        UsePreviousTemplate: true,
        Capabilities: ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        Parameters: [
          ...otherParameters(before),
          { ParameterKey: CAPTURE_AGAIN_PARAMETER, ParameterValue: new Date().toISOString() },
        ],
      }),
    ),
  );
  print(`The capture runs again; CloudFormation updates ${name}.`);
  const ended = await Deadline.after(WAIT_MINUTES * 60_000, signal).until(async () => {
    const stack = await findStack(clients, name);
    return stack?.StackStatus?.endsWith("_IN_PROGRESS") ? undefined : stack;
  }, ASK_EVERY_MS);
  if (ended?.StackStatus === "UPDATE_COMPLETE") return;
  throw new RecaptureError(
    ended
      ? `The capture failed: stack ${name} is ${ended.StackStatus}${await firstFailure(clients, ended)}.`
      : `The update of stack ${name} has not ended yet; it continues.`,
    links?.stack(before.StackId ?? name),
  );
}

function otherParameters({ Parameters = [] }: Stack) {
  return Parameters.filter(({ ParameterKey }) => ParameterKey !== CAPTURE_AGAIN_PARAMETER).map(
    ({ ParameterKey }) => ({ ParameterKey, UsePreviousValue: true }),
  );
}
