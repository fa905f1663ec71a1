import type { PollFailureReason } from "@dbward-aws/contract";
import { DbwardError, displayText } from "@dbward-aws/core";
import { parseJson } from "./schema.ts";

/** Why there was no answer at all. */
export type UnreachableReason = Extract<PollFailureReason, "dns" | "refused" | "timeout" | "connection">;

/** Why a request failed, from a closed list, so that it can be the dimension of a metric. */
export type RequestFailureReason = Extract<
  PollFailureReason,
  | UnreachableReason
  | "server-error"
  | "draining"
  | "token-refused"
  | "malformed"
  | "too-large"
  | "redirect"
  | "unexpected-status"
>;

/** What a {@link DbwardRequestError} may carry beside its message. */
interface RequestErrorDetails {
  readonly hint: string;
  readonly cause?: unknown;
  /** HTTP status, when there was an answer. */
  readonly status?: number;
  /** `code` of dbward's error answer, such as `request.conflict`. */
  readonly apiCode?: string;
}

/** A request to dbward that got no usable answer. Catch this class for all of them. */
export abstract class DbwardRequestError extends DbwardError {
  override readonly name: string = "DbwardRequestError";
  readonly reason: RequestFailureReason;
  readonly status?: number;
  readonly apiCode?: string;

  constructor(code: string, reason: RequestFailureReason, message: string, details: RequestErrorDetails) {
    super(code, message, details);
    this.reason = reason;
    if (details.status !== undefined) this.status = details.status;
    if (details.apiCode !== undefined) this.apiCode = details.apiCode;
  }
}

/**
 * No answer: the name does not resolve, the port is closed, the deadline passed, or the connection was lost.
 */
export class ServerUnreachableError extends DbwardRequestError {
  override readonly name = "ServerUnreachableError";

  constructor(call: string, reason: UnreachableReason, cause: unknown) {
    super("server-unreachable", reason, `${call} got no answer: ${UNREACHABLE[reason]}.`, {
      cause,
      hint:
        cause instanceof DbwardError
          ? cause.hint
          : "Check that the server's task is running, that its name resolves, and that its security group admits the caller.",
    });
  }
}

const UNREACHABLE: Readonly<Record<UnreachableReason, string>> = {
  dns: "the server's name does not resolve",
  refused: "the connection was refused",
  timeout: "the deadline passed",
  connection: "the connection was lost",
};

/** The server answered with a status of 500 or more. */
export class ServerFailedError extends DbwardRequestError {
  override readonly name = "ServerFailedError";

  constructor(call: string, answer: ErrorAnswer) {
    super("server-error", "server-error", `${call} returned ${describe(answer)}.`, {
      ...answer,
      hint: "Read the server's log.",
    });
  }
}

/** The server is stopping: it still answers reads, but accepts no new requests. */
export class ServerDrainingError extends DbwardRequestError {
  override readonly name = "ServerDrainingError";

  constructor(call: string, answer: ErrorAnswer) {
    super("server-draining", "draining", `${call} returned ${describe(answer)}: the server is stopping.`, {
      ...answer,
      hint: "Try again when the service's next task is running.",
    });
  }
}

/** 401: the token is unknown, revoked or expired. 403: it lacks the permission. */
export class TokenRefusedError extends DbwardRequestError {
  override readonly name = "TokenRefusedError";

  constructor(call: string, answer: ErrorAnswer) {
    super("token-refused", "token-refused", `${call} returned ${describe(answer)}.`, {
      ...answer,
      hint:
        answer.status === 401
          ? "The token is revoked or expired, or belongs to another server: store a valid token in its secret."
          : "The token lacks the permission for this call: give its user a role that has it.",
    });
  }
}

/** 409: it exists already. */
export class ConflictError extends DbwardRequestError {
  override readonly name = "ConflictError";

  constructor(call: string, answer: ErrorAnswer) {
    super("request-conflict", "unexpected-status", `${call} returned ${describe(answer)}.`, {
      ...answer,
      hint: "It exists already: use it, or choose another name.",
    });
  }
}

/** Any other status: the request is wrong, or the URL is not that of a dbward server. */
export class RequestRefusedError extends DbwardRequestError {
  override readonly name = "RequestRefusedError";

  constructor(call: string, answer: ErrorAnswer) {
    super("request-refused", "unexpected-status", `${call} returned ${describe(answer)}.`, {
      ...answer,
      hint: "Fix what the answer names. After a 404, check that the URL is that of a dbward server.",
    });
  }
}

/** An answer that dbward does not send. The message names the place, never the value. */
export class MalformedAnswerError extends DbwardRequestError {
  override readonly name = "MalformedAnswerError";

  constructor(call: string, problem: string, status?: number) {
    super("answer-malformed", "malformed", `${call} returned an answer that can't be read: ${problem}.`, {
      ...(status === undefined ? {} : { status }),
      hint: "Check that the URL is that of a dbward server and that its version is supported.",
    });
  }
}

/** An answer longer than the client's limit. Reading stopped there. */
export class AnswerTooLargeError extends DbwardRequestError {
  override readonly name = "AnswerTooLargeError";

  constructor(call: string, limit: number, status: number) {
    super("answer-too-large", "too-large", `${call} returned more than ${limit} bytes.`, {
      status,
      hint: "Check that the URL is that of a dbward server. If its answers are that long, raise maxAnswerBytes.",
    });
  }
}

/** A redirect. It is not followed: the token would be sent to an address that nobody configured. */
export class RedirectError extends DbwardRequestError {
  override readonly name = "RedirectError";

  constructor(call: string, status: number) {
    super("answer-redirected", "redirect", `${call} returned a redirect (${status}).`, {
      status,
      hint: "Configure the URL that the redirect leads to; redirects are not followed.",
    });
  }
}

/** The URL that the client was created with is not that of a server. */
export class ServerUrlError extends DbwardError {
  override readonly name = "ServerUrlError";

  constructor(problem: string) {
    super("server-url-invalid", `The URL of the dbward server ${problem}.`, {
      hint: "Use a URL such as http://server.example.internal:3000, without user, query or fragment.",
    });
  }
}

/** What an error answer of dbward says: `{"error","code","hint"}`, as far as it can be read. */
export interface ErrorAnswer {
  readonly status: number;
  readonly apiCode?: string;
  readonly text?: string;
}

/** Reads dbward's error body. Of any other body only the status is kept. */
export function readErrorAnswer(status: number, body: string): ErrorAnswer {
  let answer: unknown;
  try {
    answer = parseJson(body);
  } catch {
    return { status };
  }
  const { error, code } = (answer ?? {}) as { error?: unknown; code?: unknown };
  return {
    status,
    ...(typeof code === "string" && API_CODE.test(code) ? { apiCode: code } : {}),
    ...(typeof error === "string" ? { text: displayText(error.slice(0, MAX_ERROR_TEXT)) } : {}),
  };
}

function describe({ status, apiCode, text }: ErrorAnswer): string {
  return [String(status), apiCode, text && `"${text}"`].filter(Boolean).join(" ");
}

const API_CODE = /^[a-z0-9._-]{1,64}$/;
/** Characters of the server's error text that a message quotes. */
const MAX_ERROR_TEXT = 200;
