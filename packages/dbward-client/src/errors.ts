import type { PollFailureReason } from "@dbward-aws/contract";
import { DbwardError, displayText } from "@dbward-aws/core";
import { parseJson } from "./shape.ts";

/** Why no answer came at all. */
export type UnreachableReason = Extract<PollFailureReason, "dns" | "refused" | "timeout" | "connection">;

/** Why a request failed, from a closed list: fit for the dimension of a metric. */
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

/** A request to dbward that brought no usable answer. Catch this class for all of them. */
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

/** No answer: the name is unknown, the port is closed, the deadline passed, or the connection broke. */
export class ServerUnreachableError extends DbwardRequestError {
  override readonly name = "ServerUnreachableError";

  constructor(call: string, reason: UnreachableReason, cause: unknown) {
    super("server-unreachable", reason, `${call} brought no answer: ${UNREACHABLE[reason]}.`, {
      cause,
      hint: "See whether the server's task runs, and whether its security group and name let the caller through.",
    });
  }
}

const UNREACHABLE: Readonly<Record<UnreachableReason, string>> = {
  dns: "the server's name can't be resolved",
  refused: "the connection was refused",
  timeout: "the deadline passed",
  connection: "the connection broke",
};

/** The server answered with a status of 500 or more. */
export class ServerFailedError extends DbwardRequestError {
  override readonly name = "ServerFailedError";

  constructor(call: string, answer: ErrorAnswer) {
    super("server-error", "server-error", `${call} was answered with ${describe(answer)}.`, {
      ...answer,
      hint: "Read the server's log.",
    });
  }
}

/** The server is stopping: it goes on answering reads, and takes no writes. */
export class ServerDrainingError extends DbwardRequestError {
  override readonly name = "ServerDrainingError";

  constructor(call: string, answer: ErrorAnswer) {
    super(
      "server-draining",
      "draining",
      `${call} was answered with ${describe(answer)}: the server is stopping.`,
      {
        ...answer,
        hint: "Try again when the next task of the service is running.",
      },
    );
  }
}

/** 401: the token is unknown or revoked; 403: it lacks the permission. */
export class TokenRefusedError extends DbwardRequestError {
  override readonly name = "TokenRefusedError";

  constructor(call: string, answer: ErrorAnswer) {
    super("token-refused", "token-refused", `${call} was answered with ${describe(answer)}.`, {
      ...answer,
      hint:
        answer.status === 401
          ? "The token is revoked or belongs to another server: put a token that works into its secret."
          : "The token lacks the permission for this call: give its user the role that has it.",
    });
  }
}

/** 409: what was to be made is there already. */
export class ConflictError extends DbwardRequestError {
  override readonly name = "ConflictError";

  constructor(call: string, answer: ErrorAnswer) {
    super("request-conflict", "unexpected-status", `${call} was answered with ${describe(answer)}.`, {
      ...answer,
      hint: "It exists already: use it, or take another name.",
    });
  }
}

/** Any other status: the request is wrong, or what answers isn't dbward. */
export class RequestRefusedError extends DbwardRequestError {
  override readonly name = "RequestRefusedError";

  constructor(call: string, answer: ErrorAnswer) {
    super("request-refused", "unexpected-status", `${call} was answered with ${describe(answer)}.`, {
      ...answer,
      hint: "Mend what the answer names; with a 404, see that the URL is that of a dbward server.",
    });
  }
}

/** An answer that is not what dbward sends. The message names the place, never the value. */
export class MalformedAnswerError extends DbwardRequestError {
  override readonly name = "MalformedAnswerError";

  constructor(call: string, problem: string, status?: number) {
    super("answer-malformed", "malformed", `${call} was answered with something unreadable: ${problem}.`, {
      ...(status === undefined ? {} : { status }),
      hint: "See that the URL is that of a dbward server, and that its version is supported.",
    });
  }
}

/** An answer longer than the client's limit; it was not read to its end. */
export class AnswerTooLargeError extends DbwardRequestError {
  override readonly name = "AnswerTooLargeError";

  constructor(call: string, limit: number, status: number) {
    super("answer-too-large", "too-large", `${call} was answered with more than ${limit} bytes.`, {
      status,
      hint: "See that the URL is that of a dbward server; if its answers are that long, raise the client's limit.",
    });
  }
}

/** A redirect. It isn't followed: the token would go to an address that nobody chose. */
export class RedirectError extends DbwardRequestError {
  override readonly name = "RedirectError";

  constructor(call: string, status: number) {
    super("answer-redirected", "redirect", `${call} was answered with a redirect (${status}).`, {
      status,
      hint: "Write the server's final URL into the settings; redirects are not followed.",
    });
  }
}

/** The URL that the client was made with can't be that of a server. */
export class ServerUrlError extends DbwardError {
  override readonly name = "ServerUrlError";

  constructor(problem: string) {
    super("server-url-invalid", `The URL of the dbward server ${problem}.`, {
      hint: "Write it like http://server.example.internal:3000, without user, query and fragment.",
    });
  }
}

/** What an error answer of dbward says: `{"error","code","hint"}`, as far as it was readable. */
export interface ErrorAnswer {
  readonly status: number;
  readonly apiCode?: string;
  readonly text?: string;
}

/** Reads dbward's error body; anything else leaves the status alone. */
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
/** An error text of the server goes into our message; a page of HTML doesn't. */
const MAX_ERROR_TEXT = 200;
