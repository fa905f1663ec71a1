import { DbwardError, redact } from "@dbward-aws/core";

/**
 * A call of an AWS API failed. The hint follows from the kind of the failure: credentials, permission,
 * region, network.
 */
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

/**
 * As {@link during}, but `undefined` when what was asked for doesn't exist.
 *
 * @param absent names of the errors that say so
 */
export async function ifThere<T>(
  doing: string,
  call: Promise<T>,
  ...absent: readonly string[]
): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (absent.includes(nameOf(error))) return undefined;
    throw error instanceof DbwardError ? error : new AwsCallError(doing, error);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

function summary(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message.replace(/\.$/, "") || (error as { code?: string }).code || "no message";
  return error.name === "Error" || text.startsWith(error.name) ? text : `${error.name}: ${text}`;
}

function hintFor(name: string): string {
  if (/InvalidClientToken|UnrecognizedClient/i.test(name))
    return "Log in to AWS, or set AWS_PROFILE, and try again. A region that the account has not enabled refuses every call in the same way.";
  if (/Credentials|ExpiredToken|SSO/i.test(name)) return "Log in to AWS, or set AWS_PROFILE, and try again.";
  if (/AccessDenied|UnauthorizedOperation|NotAuthorized/i.test(name))
    return "Your identity lacks the permission for this call.";
  if (/Region/i.test(name)) return "Name a region with --region or AWS_REGION.";
  if (/Timeout|ECONN|ENOTFOUND|EAI_AGAIN/i.test(name))
    return "Check the network, and AWS_ENDPOINT_URL if it is set.";
  return "Try again. If it fails again, the message says why.";
}

/** Names under which services of AWS refuse a call for a lack of rights. */
const DENIED =
  /^(AccessDenied(Exception)?|UnauthorizedOperation|AuthorizationError(Exception)?|NotAuthorized)$/;

/** Whether AWS refused a call because the caller lacks the right. */
export function isDenied(error: unknown): boolean {
  return DENIED.test(nameOf(error instanceof AwsCallError ? error.cause : error));
}
