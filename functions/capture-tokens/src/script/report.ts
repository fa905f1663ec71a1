import { TOKEN_PATTERN } from "@dbward-aws/contract";
import type { DbwardError } from "@dbward-aws/core";
import {
  BadReport,
  BadTokenFile,
  MintRefused,
  RoleMissing,
  SameToken,
  ScriptFailed,
  SecretFailed,
  TokenLimitReached,
  UserLimitReached,
  UserSuspended,
} from "../errors.ts";
import { quote } from "../quote.ts";
import type { CaptureRequest, Token } from "../request.ts";

/** The outcome for one missing token. */
export type Outcome =
  | { readonly kind: "read"; readonly value: string }
  /** The script stored it itself. */
  | { readonly kind: "stored" }
  /** Another run for the same event creates it. */
  | { readonly kind: "elsewhere" }
  | { readonly kind: "failed"; readonly problem: DbwardError };

/** The report of a script. */
export interface Report {
  readonly outcomes: ReadonlyMap<Token, Outcome>;
  /** Whether the server accepts each stored token that was checked. */
  readonly accepted: ReadonlyMap<Token, boolean>;
}

/** Most bytes of a report, which has one short line for each token. */
export const MAX_REPORT_BYTES = 262_144;
/** Characters of a server's answer that an error quotes. */
const MAX_ANSWER = 200;

/**
 * Reads the lines of a script. They come from a container, and are not trusted: each line is accepted in one
 * form only, and only once.
 *
 * @param missing tokens that the script has to read or create; all others it may only check
 * @throws {@link BadReport} when the report is not complete or a line is not valid
 */
export function readReport(text: string, request: CaptureRequest, missing: ReadonlySet<Token>): Report {
  const outcomes = new Map<Token, Outcome>();
  const accepted = new Map<Token, boolean>();
  const checked = new Set<Token>();
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.pop() !== "end - ok") throw new BadReport("its end is missing");
  if (!/^server - (?:up|down)$/.test(lines.shift() ?? "")) throw new BadReport("its beginning is missing");
  for (const line of lines) {
    const [what, index = "", how = "", ...details] = line.split(" ");
    const token = tokenAt(index, request);
    const isRequested = what === "token" ? missing.has(token) : what === "check" && !missing.has(token);
    if (!isRequested) throw new BadReport("a line is about a token that was not requested");
    if (outcomes.has(token) || checked.has(token)) throw new BadReport(`${token.label} is in it twice`);
    if (what === "token") outcomes.set(token, readOutcome(token, how, details, request));
    else {
      checked.add(token);
      if (VERDICTS.has(how)) accepted.set(token, isAccepted(token, how));
    }
  }
  return { outcomes, accepted };
}

function tokenAt(index: string, { tokens }: CaptureRequest): Token {
  const token = /^(?:0|[1-9]\d{0,3})$/.test(index) ? tokens[Number(index)] : undefined;
  if (!token) throw new BadReport("a line names an unknown token");
  return token;
}

/**
 * An agent's token gets 403 for the call that checks all tokens: the server knows it, and it lacks the
 * permission.
 */
function isAccepted({ source }: Token, status: string): boolean {
  return status === "200" || (status === "403" && source.kind !== "user");
}

/** Statuses that depend on the token; all others depend on the server. */
const VERDICTS: ReadonlySet<string> = new Set(["200", "401", "403"]);

function readOutcome(
  token: Token,
  how: string,
  details: readonly string[],
  { properties }: CaptureRequest,
): Outcome {
  const failed = (problem: DbwardError): Outcome => ({ kind: "failed", problem });
  const path =
    token.source.kind === "file" ? `${properties.StateDirectory}/${token.source.file}` : token.label;
  switch (how) {
    case "ok": {
      const value = details[0] ?? "";
      return TOKEN_PATTERN.test(value)
        ? { kind: "read", value }
        : failed(new ScriptFailed(`${token.label} is not a token, but ${value.length} other characters`));
    }
    case "stored":
    case "elsewhere":
      return { kind: how };
    case "same":
      return failed(new SameToken(token.label));
    case "missing":
      return failed(new BadTokenFile(path, "the file does not exist"));
    case "unreadable":
      return failed(new BadTokenFile(path, "it can't be read"));
    case "malformed":
      return failed(
        new BadTokenFile(
          path,
          `${quote(details[0] ?? "", 20)} bytes that begin with ${JSON.stringify(quote(details[1] ?? "", 4))}`,
        ),
      );
    case "unasked":
      return failed(
        new MintRefused(
          token.label,
          "it was not requested, because /health did not answer or there is no admin token",
        ),
      );
    case "refused":
      return failed(mintProblem(token, details));
    case "unstored":
      return failed(new SecretFailed("Writing", token.label, answerOf(details)));
    default:
      throw new BadReport("a line has an unknown form");
  }
}

/**
 * Default of `max_active_tokens_per_user`. The wording of the server's answer may change, so that the number
 * is checked as well.
 */
const DEFAULT_TOKEN_LIMIT = 5;

/**
 * @param details status, id of the user or agent, number of its active tokens, `code` and `error` of the
 * answer
 */
function mintProblem(
  token: Token,
  [status = "", subject = "", active = "", code = "", ...error]: readonly string[],
): DbwardError {
  const answer = answerOf([status, ...(code === "-" ? [] : [code]), ...error]);
  const id = quote(subject, 128);
  if (token.source.kind === "user") {
    // The body of the request is always valid, except that the role may not exist.
    if (status === "400") return new RoleMissing(token.source.role, answer);
    if (status === "402") return new UserLimitReached(id, answer);
    if (status === "409") return new UserSuspended(token.label, id, answer);
  }
  const isLimit = Number(active) >= DEFAULT_TOKEN_LIMIT || /\blimit\b/i.test(error.join(" "));
  if (token.source.kind === "agent" && status === "400" && isLimit) return new TokenLimitReached(id, answer);
  return new MintRefused(token.label, answer);
}

/** The `status code error` of an answer, shortened and without anything that looks like a secret. */
function answerOf([status = "", ...words]: readonly string[]): string {
  if (status === "000") return "no answer, or an answer that is too long";
  if (!/^\d{3}$/.test(status)) return "curl did not run; the image needs a curl with --aws-sigv4";
  return `HTTP ${status} ${quote(words.join(" "), MAX_ANSWER)}`.trim();
}
