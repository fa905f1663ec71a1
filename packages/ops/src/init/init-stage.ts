import { dirname, join } from "node:path";
import { type ActionOptions, act } from "@dbward-aws/cli";
import { DbwardError } from "@dbward-aws/core";
import { type DbwardConfig, LOOKUP_FILE } from "@dbward-aws/settings";
import { importConfig } from "../import-config.ts";
import { readText, writeText } from "../project-files.ts";
import { checkStage } from "./check-stage.ts";
import { planSecrets, storeSecret } from "./database-secrets.ts";
import { type InitContext, InitError, type InitOptions } from "./init-context.ts";
import { planFiles } from "./plan-files.ts";
import { diffLines } from "./planned-file.ts";

/**
 * Finds out what a stage is made of, writes it, and checks it. What exists already is not replaced unless that is
 * said or answered; so it can be run again after it was cut off, and completes what is missing.
 *
 * @returns the exit code
 * @throws UsageError, QuestionsEndedError, SettingsError, InitError, AwsCallError
 */
export async function initStage(
  context: InitContext,
  options: InitOptions,
  action: ActionOptions,
): Promise<number> {
  const { stage, answers, io, configFile } = context;
  const root = dirname(configFile);
  const before = await readText(configFile);
  const config = before === undefined ? undefined : await loadConfig(configFile);
  const { files, settings } = await planFiles(context, options, { before, config });
  const changed = files.filter(({ before: was, after }) => was !== after);
  const secrets = await planSecrets(context, settings, options, action.dryRun);
  answers.complete();
  const steps = [
    ...changed.map(({ path, before: was }) => `${was === undefined ? "Write" : "Change"} ${path}`),
    ...secrets.map(({ name, state }) =>
      state === "missing"
        ? `Create secret ${name} with the URL of the database`
        : `Store the URL of the database in secret ${name}`,
    ),
  ];
  const plan = {
    title: `Write stage ${stage} for account ${context.account}, ${context.region}`,
    steps: [
      ...steps,
      `Check it by dbward's rules, and the account by preflight; note what is looked up in ${LOOKUP_FILE}`,
    ],
    notes: changed.flatMap(diffLines),
  };
  // Nothing is asked before a check alone.
  const consent = { ...action, yes: action.yes || steps.length === 0 };
  return act(io, consent, plan, async (progress) => {
    for (const file of changed) {
      await writeText(join(root, file.path), file.after);
      progress.done(`${file.path} is written`);
    }
    for (const secret of secrets) await storeSecret(context.clients, secret, progress);
    const written = [...changed.map(({ path }) => path), ...(await checkStage(context, progress))];
    const next = `pnpm ops deploy --stage ${stage}`;
    progress.done(`Stage ${stage} can be deployed. Next: ${next}`);
    return { stage, files: written, secrets: secrets.map(({ name }) => name), next };
  });
}

async function loadConfig(file: string): Promise<DbwardConfig> {
  try {
    return await importConfig(file);
  } catch (error) {
    if (error instanceof DbwardError) throw error;
    const { message } = error as Error;
    throw new InitError(
      `Loading ${file} failed: ${message}.`,
      "Correct it, and run this again. Nothing was changed.",
      error,
    );
  }
}
