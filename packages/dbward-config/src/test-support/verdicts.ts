import { readFileSync } from "node:fs";
import type { DbwardProgram } from "../check-config.ts";

/** What the real program said to a text. */
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
