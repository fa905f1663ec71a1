import { DbwardError, redact } from "@dbward-aws/core";

/** A call of an AWS API failed for a reason that no command can mend. */
export class AwsCallError extends DbwardError {
  override readonly name = "AwsCallError";

  constructor(doing: string, error: unknown) {
    super("aws-call-failed", `${doing} failed: ${redact(summary(error))}.`, {
      cause: error,
      hint: hintFor(`${nameOf(error)} ${(error as { code?: unknown }).code ?? ""}`),
    });
  }
}

/** Runs a call; what it throws says what was being done. */
export async function during<T>(doing: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof DbwardError ? error : new AwsCallError(doing, error);
  }
}

/** As {@link during}, but `undefined` when what was asked for isn't there, by the error's name. */
export async function ifThere<T>(
  doing: string,
  call: Promise<T>,
  ...absent: readonly string[]
): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (absent.includes(nameOf(error))) return undefined;
    throw new AwsCallError(doing, error);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

function summary(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message.replace(/\.$/, "") || (error as { code?: string }).code || "no further word";
  return error.name === "Error" || text.startsWith(error.name) ? text : `${error.name}: ${text}`;
}

function hintFor(name: string): string {
  if (/Credentials|ExpiredToken|InvalidClientToken|UnrecognizedClient|SSO/i.test(name))
    return "Log in to AWS, or set AWS_PROFILE, and try again.";
  if (/AccessDenied|UnauthorizedOperation|NotAuthorized/i.test(name))
    return "Your identity lacks the permission for this call.";
  if (/Region/i.test(name)) return "Name a region with --region or AWS_REGION.";
  if (/Timeout|ECONN|ENOTFOUND|EAI_AGAIN/i.test(name))
    return "See that the network and AWS_ENDPOINT_URL, when it is set, lead to AWS.";
  return "Try again; if it stays, the message names the cause.";
}
