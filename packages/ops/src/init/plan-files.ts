import { dirname, join, relative } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UsageError } from "@dbward-aws/cli";
import {
  type DbwardConfig,
  loadStage,
  readStageState,
  STATE_FILE,
  type StageInput,
  type StageVersions,
  VERSIONS_FILE,
  withStageVersions,
} from "@dbward-aws/settings";
import { rcompare, valid } from "semver";
import { NEW_CONFIG_FILE, putStage } from "../config-file/put-stage.ts";
import { readText } from "../project-files.ts";
import { chooseStage } from "./choose-stage.ts";
import { agentToml, type DbwardDatabase, serverToml } from "./configs.ts";
import { type Existing, type InitContext, InitError, type InitOptions } from "./init-context.ts";
import type { PlannedFile } from "./planned-file.ts";
import type { StageChoices, StageOptions } from "./stage-choices.ts";
import { type StagePlace, stageInput } from "./stage-input.ts";

/** What the rest of the plan needs to know of the stage: its secrets, and what is known of its database. */
export interface StageFacts {
  readonly secrets: readonly { readonly name: string; readonly port: number }[];
  readonly choices: StageChoices | undefined;
}

/**
 * What is to be written for a stage: all of it, or what a stage that stays as it is lacks.
 *
 * @throws UsageError, QuestionsEndedError, SettingsError, InitError, AwsCallError
 */
export async function planFiles(
  context: InitContext,
  { existing, stageOptions }: InitOptions,
  { before, config }: { readonly before: string | undefined; readonly config: DbwardConfig | undefined },
): Promise<{ readonly files: readonly PlannedFile[]; readonly settings: StageFacts }> {
  const { stage, answers, configFile, offers, io } = context;
  const stages = config?.stages ?? {};
  const present = Object.hasOwn(stages, stage) ? stages[stage] : undefined;
  const keeps =
    present !== undefined &&
    (existing === "keep" || (existing === undefined && (await wantsToKeep(context))));
  if (present !== undefined && keeps) return completeFiles(context, present, stageOptions);

  const choices = await chooseStage(stage, stageOptions, offers, answers);
  answers.complete();
  const place = placeFor(context, choices!);
  const root = dirname(configFile);
  const versionsBefore = await readText(join(root, VERSIONS_FILE));
  const versions = withStageVersions(join(root, VERSIONS_FILE), versionsBefore, stage, newestOf);
  const tags = (JSON.parse(versions) as Record<string, StageVersions>)[stage]!;
  const desired = stageInput(choices!, place, {
    ...tags,
    state: readStageState(join(root, STATE_FILE), stage).state,
  });
  const isForeign = present !== undefined && !isExample(present) && !isSame(present, desired);
  if (isForeign && existing === undefined && !answers.questions)
    throw differs(`Stage ${stage} is in ${relative(io.directory, configFile)} already, with other settings.`);
  checkSettings(stage, desired, choices!.dbward);
  const texts = [
    await planText(context, existing, place.serverFile, serverToml(choices!.dbward)),
    await planText(context, existing, place.agentFile, agentToml(choices!.dbward)),
  ];
  const settings: StageFacts = {
    choices,
    secrets: [{ name: choices!.secret, port: choices!.database.port }],
  };
  const versionsFile = { path: VERSIONS_FILE, before: versionsBefore, after: versions };
  if (present !== undefined && isSame(present, desired)) return { files: [...texts, versionsFile], settings };
  const put = putStage(before ?? NEW_CONFIG_FILE, stage, (expressions) =>
    stageInput(choices!, place, expressions),
  );
  if ("problem" in put)
    throw new InitError(
      `${configFile} can't be changed: ${put.problem}. Nothing was changed. The stage to put into its \`stages\`:\n\n${put.block},\n`,
      `Then run this again with --existing keep: it adds what the stage lacks.`,
    );
  // Last, so that it never names files that are missing.
  return {
    files: [...texts, versionsFile, { path: relative(root, configFile), before, after: put.text }],
    settings,
  };
}

/** Ids and addresses that AWS and RFC 5737 keep for documentation: the stages that the project comes with have them. */
const FOR_DOCUMENTATION = /-0123456789abcdef|"203\.0\.113\./;

/** Whether a stage is an example, which nobody can have deployed. */
export function isExample(present: StageInput): boolean {
  return FOR_DOCUMENTATION.test(JSON.stringify(present));
}

async function wantsToKeep({ stage, answers }: InitContext): Promise<boolean> {
  const answer = await answers.questions?.choose(`Stage ${stage} is in dbward.config.ts already.`, [
    { value: "keep", label: "Keep it, and make what it lacks", hint: "files, the database's secret" },
    { value: "replace", label: "Describe it again, and replace it" },
  ]);
  return answer === "keep";
}

function differs(problem: string): UsageError {
  return new UsageError(
    problem,
    "Add --existing keep to leave it as it is and add what the stage lacks, or --existing replace.",
  );
}

/** The files that a stage of the settings names and that are missing. */
async function completeFiles(
  context: InitContext,
  present: StageInput,
  options: StageOptions,
): Promise<{ readonly files: readonly PlannedFile[]; readonly settings: StageFacts }> {
  const { stage, answers } = context;
  const root = dirname(context.configFile);
  const missing = async (path: string | undefined) =>
    path !== undefined && (await readText(join(root, path))) === undefined ? path : undefined;
  const serverFile = await missing(present.server.configFile);
  const agents = await Promise.all(
    present.agents.map(async ({ configFile, database }) => (database ? missing(configFile) : undefined)),
  );
  const agentFiles = [...new Set(agents)].filter((path) => path !== undefined);
  const files: PlannedFile[] = [];
  if (serverFile !== undefined || agentFiles.length > 0) {
    const lower = stage.toLowerCase();
    const dbward = {
      name: await answers.text(options.dbwardDatabase, "Name of the database in dbward:", "app"),
      environment: await answers.text(
        options.environment,
        "Its environment in dbward:",
        lower === "prod" ? "production" : lower,
      ),
    };
    if (serverFile !== undefined)
      files.push({ path: serverFile, before: undefined, after: serverToml(dbward) });
    for (const path of agentFiles) files.push({ path, before: undefined, after: agentToml(dbward) });
  }
  const databases = present.agents.flatMap(({ database, databases = [] }) =>
    database ? [database, ...databases] : databases,
  );
  const secrets = [
    ...new Map(
      databases.map(({ urlSecret, port = 5432 }) => [urlSecret, { name: urlSecret, port }]),
    ).values(),
  ];
  return { files, settings: { secrets, choices: undefined } };
}

function placeFor({ stage, account, region }: InitContext, { agent }: StageChoices): StagePlace {
  // As `pnpm ops config` names them.
  return {
    account,
    region,
    serverFile: `config/${stage}.server.toml`,
    agentFile: `config/${stage}.${agent}.toml`,
  };
}

/** Version of dbward in a project that has no stage yet. */
const DBWARD_VERSION = "0.2.0";

/** Agents have the server's version, as it gives no work to older ones. */
function newestOf(others: readonly StageVersions[]): StageVersions {
  const tags = others.map(({ server }) => server).filter((tag) => valid(tag));
  const newest = tags.sort(rcompare)[0] ?? DBWARD_VERSION;
  return { server: newest, agents: newest };
}

/** Whether two stages are the same but for the versions, which the environment can name. */
function isSame(present: unknown, desired: unknown): boolean {
  const plain = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (key, member: unknown) => (key === "image" ? undefined : member)));
  return isDeepStrictEqual(plain(present), plain(desired));
}

/** Before anything is written. @throws SettingsError */
function checkSettings(stage: string, desired: ReturnType<typeof stageInput>, dbward: DbwardDatabase): void {
  const { configFile: _server, ...server } = desired.server;
  const agents = desired.agents.map(({ configFile: _agent, ...agent }) => ({
    ...agent,
    configToml: agentToml(dbward),
  }));
  const input = { ...desired, server: { ...server, configToml: serverToml(dbward) }, agents };
  const config = { stages: { [stage]: JSON.parse(JSON.stringify(input)) as StageInput } };
  loadStage(config, stage, { root: "." });
}

/** A file with a new text, or as it is. @throws UsageError when it differs and nobody says what to do */
async function planText(
  { configFile, answers }: InitContext,
  existing: Existing,
  path: string,
  text: string,
): Promise<PlannedFile> {
  const before = await readText(join(dirname(configFile), path));
  if (before === undefined || before === text) return { path, before, after: text };
  const choice =
    existing ??
    (await answers.questions?.choose<"keep" | "replace">(`${path} is there already, with another content.`, [
      { value: "keep", label: "Keep it" },
      { value: "replace", label: "Replace it" },
    ]));
  if (choice === undefined) throw differs(`${path} is there already, with another content.`);
  return { path, before, after: choice === "keep" ? before : text };
}
