import { readFileSync } from "node:fs";
import type { DbwardProgram } from "../check-config.ts";

/**
 * What the real program, dbward 0.2.0 on the free plan, said to a text.
 *
 * - The server got the text byte for byte, an empty `/data`, a network namespace with loopback alone, and no name server. `accepted`: it
 *   listened; `refused`: it ended.
 * - The agent got a server that listens as `server:3000` and `localhost:3000` and knows `app` in `production` and `staging`, and a
 *   PostgreSQL at 127.0.0.1:5432 with the user of `DATABASE_URL`; the token of zeros stands for the server's agent token. `accepted`: its
 *   first poll succeeded, or it kept trying; `refused`: it ended.
 *
 * Texts whose verdict only says something about that network (hosts that did not resolve, an S3 that was not there) are left out of
 * `dbward-0.2.0-more-verdicts.jsonl`. Its texts are every setting with values of other types and at the bounds, TOML's borderline cases, and
 * random combinations of variables and of rules.
 */
export interface Verdict {
  readonly id: string;
  readonly program: DbwardProgram;
  readonly toml: string;
  /** Its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly verdict: "accepted" | "refused";
  /** What the text tries. */
  readonly reason: string;
  readonly rule: string;
}

/** @param file one of this directory, with a JSON object a line */
export function readVerdicts(file: string): Verdict[] {
  const lines = readFileSync(new URL(file, import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line));
}
