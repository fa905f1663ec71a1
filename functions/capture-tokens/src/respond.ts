import { createHash } from "node:crypto";
import { CAPTURE_ANSWER_MAX_BYTES } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";

/** What CloudFormation needs to match an answer to its question. */
export interface CloudFormationRequest {
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  /** A signed URL: whoever has it can answer in our place. Never to be logged. */
  readonly ResponseURL: string;
  readonly PhysicalResourceId?: string | undefined;
}

export type Answer =
  | { readonly Status: "SUCCESS"; readonly Data: Readonly<Record<string, string>> }
  | { readonly Status: "FAILED"; readonly Reason: string };

const TOO_MANY_AGENTS =
  "All tokens are stored, but their versions are more than CloudFormation takes in one answer: use fewer agents a stage.";
const ATTEMPT_TIMEOUT_MS = 10_000;
const ATTEMPTS = 5;

/**
 * Puts the answer where CloudFormation waits for it. `fetch` honours protocol, host and port of the URL and counts bytes; a body of
 * bytes keeps it from adding a content type, which the URL's signature does not cover.
 *
 * @throws Error when no attempt was taken, without the URL
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
  throw new Error(`CloudFormation's answer could not be delivered in ${ATTEMPTS} attempts: ${failure}.`);
}

/**
 * The id never changes, so that CloudFormation never replaces, and so deletes, a capture: it is made of stack and logical id,
 * which an Update and a doubled Create share.
 */
export function physicalResourceId({
  StackId,
  LogicalResourceId,
  PhysicalResourceId,
}: CloudFormationRequest): string {
  const digest = createHash("sha256").update(`${StackId}\n${LogicalResourceId}`).digest("hex");
  return PhysicalResourceId ?? `dbward-tokens-${digest.slice(0, 16)}`;
}

/** The answer as JSON. A reason that is too long is cut; data that is too long can't be, and is a failure. */
export function answerBody(request: CloudFormationRequest, answer: Answer): string {
  const { StackId, RequestId, LogicalResourceId } = request;
  const ids = { PhysicalResourceId: physicalResourceId(request), StackId, RequestId, LogicalResourceId };
  const body = JSON.stringify({ ...ids, ...answer });
  if (Buffer.byteLength(body) <= CAPTURE_ANSWER_MAX_BYTES) return body;
  const reason = answer.Status === "FAILED" ? answer.Reason : TOO_MANY_AGENTS;
  return answerBody(request, { Status: "FAILED", Reason: shorten(reason) });
}

/** `text` without a tenth of it, out of its middle: its beginning says what failed, its end what to do. */
function shorten(text: string): string {
  const kept = Math.floor(text.length * 0.45);
  return `${text.slice(0, kept)} … ${text.slice(-kept)}`;
}
