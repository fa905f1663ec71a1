import { METRICS_PERMISSION, TOKEN_PATTERN } from "@dbward-aws/contract";
import { type DbwardError, redact } from "@dbward-aws/core";
import { BadTokenFile, MintRefused, RoleMissing, ScriptFailed, SecretFailed } from "../errors.ts";
import type { CaptureRequest, Token } from "../request.ts";

/** What came of one missing token. */
export type Outcome =
  | { readonly kind: "read"; readonly value: string }
  /** The script stored it itself. */
  | { readonly kind: "stored" }
  | { readonly kind: "failed"; readonly problem: DbwardError };

/** What a script said. */
export interface Report {
  readonly outcomes: ReadonlyMap<Token, Outcome>;
  /** Stored tokens that the server was asked about, and whether it takes them. */
  readonly accepted: ReadonlyMap<Token, boolean>;
}

/**
 * Reads the lines of a script.
 *
 * @throws {@link ScriptFailed} when they don't end as they should, or make no sense: half a report is none
 */
export function readReport(text: string, request: CaptureRequest): Report {
  const outcomes = new Map<Token, Outcome>();
  const accepted = new Map<Token, boolean>();
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.pop() !== "end - ok") throw new ScriptFailed("its report has no end");
  for (const line of lines) {
    const [what, index, how = "", ...details] = line.split(" ");
    const token = request.tokens[Number(index)];
    if (what === "server") continue;
    if (!token || (what !== "token" && what !== "check")) throw new ScriptFailed("its report makes no sense");
    if (what === "token") outcomes.set(token, readOutcome(token, how, details, request));
    else if (VERDICTS.has(how)) accepted.set(token, isAccepted(token, how));
  }
  return { outcomes, accepted };
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
      return { kind: "stored" };
    case "missing":
      return failed(new BadTokenFile(path, "there is no such file"));
    case "unreadable":
      return failed(new BadTokenFile(path, "it can't be read"));
    case "malformed":
      return failed(
        new BadTokenFile(path, `${details[0]} bytes that begin with ${JSON.stringify(details[1] ?? "")}`),
      );
    case "unasked":
      return failed(
        new MintRefused(token.label, "it was not asked, for want of an answer on /health or an admin token"),
      );
    case "refused":
      return failed(mintProblem(token, details, properties.ConfigSource));
    case "unstored":
      return failed(new SecretFailed("Filling", token.label, answerOf(details)));
    default:
      throw new ScriptFailed("its report makes no sense");
  }
}

function mintProblem(token: Token, details: readonly string[], source: "rendered" | "ssm"): DbwardError {
  if (token.source.kind === "user" && details[0] === "400" && /unknown role/i.test(details.join(" "))) {
    return new RoleMissing(token.source.role, METRICS_PERMISSION, source);
  }
  return new MintRefused(token.label, answerOf(details));
}

/** What `status body` says, cut and without anything that looks like a secret. */
function answerOf([status = "", ...body]: readonly string[]): string {
  if (status === "000") return "no answer";
  if (!/^\d{3}$/.test(status)) return "curl did not run; the image's curl must know --aws-sigv4";
  return redact(`HTTP ${status} ${body.join(" ")}`).slice(0, MAX_ANSWER);
}

const MAX_ANSWER = 300;
