/** What a route answers with. */
export interface Reply {
  readonly status: number;
  /** Sent as JSON. @default - an empty body */
  readonly json?: unknown;
  /** Sent as it is, in place of `json`. */
  readonly text?: string;
  /** Of `text`. @default "text/plain; charset=utf-8" */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that is thrown, from wherever it is found out that a call is refused. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}

/** 200 with a JSON body. */
export const ok = (json: unknown): Reply => ({ status: 200, json });
/** 201 with a JSON body. */
export const created = (json: unknown): Reply => ({ status: 201, json });

const refusal = (status: number, code: string, error: string, hint: string | null = null) =>
  new Refusal({ status, json: { error, code, hint } });

/** 400: the call can be read, and what it asks for makes no sense. */
export const invalid = (problem: string) =>
  refusal(400, "validation.failed", `validation: ${problem}`, problem);
/** 402: more than the free plan has. */
export const overPlan = (limit: string) =>
  refusal(402, "policy.limit_exceeded", `plan limit: ${limit}`, "delete users that nobody needs any more");
/** 403: a permission is missing. */
export const forbidden = () => refusal(403, "forbidden", "forbidden", "check your role permissions");
/** 404: a user, token or request that isn't there. */
export const notFound = (what: string) => refusal(404, "request.not_found", `not found: ${what}`);
/** 409: it is there already, or in a state in which this can't be done. */
export const conflict = (problem: string) =>
  refusal(409, "request.conflict", `conflict: ${problem}`, "it may have been changed by somebody else");
/** 410: it was there once. */
export const gone = (what: string) => refusal(410, "request.gone", `gone: ${what}`);
/** 413: a result that is longer than may be kept. */
export const resultTooLarge = (problem: string) =>
  refusal(413, "payload.too_large", `payload too large: ${problem}`);
/** 401: no token, or one that isn't valid. */
export const unauthorized = () =>
  new Refusal({ status: 401, json: { error: "authentication failed", code: "unauthorized" } });
/** 403 with an error of its own in place of the usual one. */
export const forbiddenBecause = (error: string, code = "forbidden") =>
  new Refusal({ status: 403, json: { error, code } });
/** A refusal of what can't be read at all, in plain text. */
export const unreadable = (status: 400 | 413 | 415 | 422, text: string) => new Refusal({ status, text });
