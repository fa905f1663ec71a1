import { METRICS_PERMISSION, TOKEN_PATTERN } from "@dbward-aws/contract";
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

/** What came of one missing token. */
export type Outcome =
  | { readonly kind: "read"; readonly value: string }
  /** The script stored it itself. */
  | { readonly kind: "stored" }
  /** Another run for the same event makes it. */
  | { readonly kind: "elsewhere" }
  | { readonly kind: "failed"; readonly problem: DbwardError };

/** What a script said. */
export interface Report {
  readonly outcomes: ReadonlyMap<Token, Outcome>;
  /** Stored tokens that the server was asked about, and whether it takes them. */
  readonly accepted: ReadonlyMap<Token, boolean>;
}

/** Bytes of a whole report, which has one short line for each token. */
export const MAX_REPORT_BYTES = 262_144;
/** Characters of a server's answer that an error quotes. */
const MAX_ANSWER = 200;

/**
 * Reads the lines of a script. They come out of a container, so that each is taken in one form only, and once.
 *
 * @param missing tokens that the script was asked for; all others it may only have been asked about
 * @throws {@link BadReport} when they don't end as they should, or make no sense: half a report is none
 */
export function readReport(text: string, request: CaptureRequest, missing: ReadonlySet<Token>): Report {
  const outcomes = new Map<Token, Outcome>();
  const accepted = new Map<Token, boolean>();
  const checked = new Set<Token>();
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.pop() !== "end - ok") throw new BadReport("it has no end");
  if (!/^server - (?:up|down)$/.test(lines.shift() ?? "")) throw new BadReport("it has no beginning");
  for (const line of lines) {
    const [what, index = "", how = "", ...details] = line.split(" ");
    const token = tokenAt(index, request);
    const isAsked = what === "token" ? missing.has(token) : what === "check" && !missing.has(token);
    if (!isAsked) throw new BadReport(`a line is not about a token that was asked for`);
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
  if (!token) throw new BadReport("a line names no token");
  return token;
}

/** An agent's token gets 403 from the call that all tokens are tried on: it is known, and may not. */
function isAccepted({ source }: Token, status: string): boolean {
  return status === "200" || (status === "403" && source.kind !== "user");
}

/** Answers that say something of a token; any other says something of the server. */
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
        : failed(new ScriptFailed(`${token.label} arrived damaged, ${value.length} characters long`));
    }
    case "stored":
    case "elsewhere":
      return { kind: how };
    case "same":
      return failed(new SameToken(token.label));
    case "missing":
      return failed(new BadTokenFile(path, "there is no such file"));
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
          "it was not asked, as /health did not answer or there is no admin token",
        ),
      );
    case "refused":
      return failed(mintProblem(token, details, properties.ConfigSource));
    case "unstored":
      return failed(new SecretFailed("Filling", token.label, answerOf(details)));
    default:
      throw new BadReport("a line says what no script says");
  }
}

/** A subject's limit of active tokens is five by default (`max_active_tokens_per_user`); the answer's words are not to be relied on. */
const DEFAULT_TOKEN_LIMIT = 5;

/** @param details status, id of user or agent, its active tokens, `code` and `error` of the answer */
function mintProblem(
  token: Token,
  [status = "", subject = "", active = "", code = "", ...error]: readonly string[],
  source: "rendered" | "ssm",
): DbwardError {
  const answer = answerOf([status, ...(code === "-" ? [] : [code]), ...error]);
  const id = quote(subject, 128);
  if (token.source.kind === "user") {
    // The body is always the same and in order, but for a role that there may not be.
    if (status === "400") return new RoleMissing(token.source.role, METRICS_PERMISSION, source, answer);
    if (status === "402") return new UserLimitReached(id, answer);
    if (status === "409") return new UserSuspended(token.label, id, answer);
  }
  const isLimit = Number(active) >= DEFAULT_TOKEN_LIMIT || /\blimit\b/i.test(error.join(" "));
  if (token.source.kind === "agent" && status === "400" && isLimit) return new TokenLimitReached(id, answer);
  return new MintRefused(token.label, answer);
}

/** What `status code error` says, cut and without anything that looks like a secret. */
function answerOf([status = "", ...words]: readonly string[]): string {
  if (status === "000") return "no answer, or one that is too long";
  if (!/^\d{3}$/.test(status)) return "curl did not run; the image's curl must know --aws-sigv4";
  return `HTTP ${status} ${quote(words.join(" "), MAX_ANSWER)}`.trim();
}
