import { dirname, join } from "node:path";
import type { Progress } from "@dbward-aws/cli";
import { LOOKUP_FILE, loadStage, nextLookups, SettingsError, type StageSettings } from "@dbward-aws/settings";
import { AwsCallError, lookUpFacts } from "@dbward-aws/stage";
import { importConfig } from "../import-config.ts";
import { PreflightError, preflight } from "../preflight/preflight.ts";
import { readText, writeText } from "../project-files.ts";
import { type InitContext, InitError } from "./init-context.ts";

/**
 * Reads what was written, as a deployment will, and notes the facts of the account for a synthesis without one.
 *
 * @returns files that were changed
 * @throws InitError with everything that keeps the stage from being deployed
 */
export async function checkStage(context: InitContext, progress: Progress): Promise<readonly string[]> {
  const { stage, configFile, clients, io } = context;
  progress.step("Checking the settings and the account");
  const settings = loadStage(await importConfig(configFile, Date.now()), stage, {
    root: dirname(configFile),
  });
  try {
    const changed = await noteFacts(context, settings);
    const { warnings } = await preflight(settings, clients);
    progress.stop();
    for (const warning of warnings) io.complain(`Warning: ${warning}`);
    for (const path of changed) progress.done(`${path} is written`);
    return changed;
  } catch (error) {
    const again = `run: pnpm ops preflight --stage ${stage}`;
    if (error instanceof PreflightError)
      throw new InitError(
        `Stage ${stage} is written, and can't be deployed yet:${error.mistakes.map((mistake) => `\n  - ${mistake}`).join("")}\n`,
        `Fix this, then ${again}`,
        error,
      );
    if (error instanceof AwsCallError)
      throw new InitError(
        `Stage ${stage} is written, and the account could not be checked. ${error.message}`,
        `Then ${again}`,
        error,
      );
    throw error;
  }
}

/** Writes what the settings name only by its id into dbward.lookup.json. What can't be looked up is left to preflight. */
async function noteFacts(
  { stage, configFile, clients }: InitContext,
  settings: StageSettings,
): Promise<readonly string[]> {
  if (settings.network.kind !== "existing") return [];
  const root = dirname(configFile);
  try {
    const facts = await lookUpFacts(settings, clients);
    const text = nextLookups(root, stage, facts);
    if (text === (await readText(join(root, LOOKUP_FILE)))) return [];
    await writeText(join(root, LOOKUP_FILE), text);
    return [LOOKUP_FILE];
  } catch (error) {
    if (error instanceof SettingsError || error instanceof AwsCallError) return [];
    throw error;
  }
}
