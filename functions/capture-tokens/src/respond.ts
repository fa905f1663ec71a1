import { createHash } from "node:crypto";
import { CAPTURE_ANSWER_MAX_BYTES } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";

/** What CloudFormation needs to match an answer to its request. */
export interface CloudFormationRequest {
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  /** A signed URL: whoever has it can answer instead of this function. It must not be logged. */
  readonly ResponseURL: string;
  readonly PhysicalResourceId?: string | undefined;
}

export type Answer =
  | { readonly Status: "SUCCESS"; readonly Data: Readonly<Record<string, string>> }
  | { readonly Status: "FAILED"; readonly Reason: string };

const TOO_MANY_AGENTS =
  "All tokens are stored, but their versions do not fit into an answer to CloudFormation: use fewer agents " +
  "in a stage.";
const ATTEMPT_TIMEOUT_MS = 10_000;
const ATTEMPTS = 5;

/**
 * Sends the answer to CloudFormation. The body consists of bytes, so that `fetch` adds no content type: the
 * signature of the URL does not cover one.
 *
 * @throws Error, without the URL, when all attempts fail
 */
export async function respond(
  request: CloudFormationRequest,
  answer: Answer,
  deadline: Deadline,
  retryMs = 500,
): Promise<void> {
  const body = new TextEncoder().encode(answerBody(request, answer));
  let failure = "";
  for (let attempt = 1; attempt <= ATTEMPTS && !deadline.signal.aborted; attempt++) {
    try {
      const signal = AbortSignal.any([deadline.signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]);
      const response = await fetch(request.ResponseURL, { method: "PUT", body, redirect: "error", signal });
      await response.body?.cancel();
      if (response.ok) return;
      failure = `HTTP ${response.status}`;
    } catch (error) {
      // The message of a failed fetch may hold the URL; the code of its cause does not.
      failure = String((error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name);
    }
    await deadline.sleep(retryMs * 2 ** attempt);
  }
  throw new Error(`Sending the answer to CloudFormation failed ${ATTEMPTS} times: ${failure}.`);
}

/**
 * The id never changes, because CloudFormation would replace, and so delete, a resource with a new one. It is
 * derived from the stack and the logical id, which are the same in an Update and in a repeated Create.
 */
export function physicalResourceId({
  StackId,
  LogicalResourceId,
  PhysicalResourceId,
}: CloudFormationRequest): string {
  const digest = createHash("sha256").update(`${StackId}\n${LogicalResourceId}`).digest("hex");
  return PhysicalResourceId ?? `dbward-tokens-${digest.slice(0, 16)}`;
}

/**
 * The answer as JSON. A reason that is too long is shortened. Data can't be: when it is too long, the answer
 * is a failure.
 */
export function answerBody(request: CloudFormationRequest, answer: Answer): string {
  const { StackId, RequestId, LogicalResourceId } = request;
  const ids = { PhysicalResourceId: physicalResourceId(request), StackId, RequestId, LogicalResourceId };
  const body = JSON.stringify({ ...ids, ...answer });
  if (Buffer.byteLength(body) <= CAPTURE_ANSWER_MAX_BYTES) return body;
  const reason = answer.Status === "FAILED" ? answer.Reason : TOO_MANY_AGENTS;
  return answerBody(request, { Status: "FAILED", Reason: shorten(reason) });
}

/** `text` without a tenth in its middle: the beginning says what failed, and the end what to do. */
function shorten(text: string): string {
  const kept = Math.floor(text.length * 0.45);
  return `${text.slice(0, kept)} … ${text.slice(-kept)}`;
}
