import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SettingsError } from "../problems.ts";
import { type AccountFacts, accountFacts } from "./account-facts.ts";

/**
 * The file beside dbward.config.ts with the facts of the accounts, by stage. `pnpm ops lookup` writes it; it is committed, so that
 * templates can be created without credentials.
 */
export const LOOKUP_FILE = "dbward.lookup.json";

const lookups = z.record(z.string(), accountFacts);

/**
 * The facts of a stage in the file.
 *
 * @param root folder of dbward.config.ts
 * @returns `undefined` when there is no file, or it does not have the stage
 * @throws SettingsError with all mistakes in the file
 */
export function readLookups(root: string, stage: string): AccountFacts | undefined {
  const facts = readFile(root, stage)[stage];
  return facts && { ...facts, source: LOOKUP_FILE };
}

/**
 * The new text of the file, with the facts of one stage replaced.
 *
 * @throws SettingsError when the existing file is invalid
 */
export function nextLookups(root: string, stage: string, { source: _, ...facts }: AccountFacts): string {
  const all = { ...readFile(root, stage), [stage]: accountFacts.parse(facts) };
  return `${JSON.stringify(all, undefined, 2)}\n`;
}

function readFile(root: string, stage: string): z.output<typeof lookups> {
  let text: string;
  try {
    text = readFileSync(join(root, LOOKUP_FILE), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  const parsed = lookups.safeParse(parseJson(text, stage));
  if (parsed.success) return parsed.data;
  throw new SettingsError(
    stage,
    parsed.error.issues.map(({ path, message }) => ({
      where: `${LOOKUP_FILE}: ${path.join(".")}`,
      message: `${message}. Run: pnpm ops lookup --stage ${String(path[0] ?? stage)}`,
    })),
  );
}

function parseJson(text: string, stage: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new SettingsError(stage, [
      { where: LOOKUP_FILE, message: `is not JSON. Delete it, and run: pnpm ops lookup --stage ${stage}` },
    ]);
  }
}
