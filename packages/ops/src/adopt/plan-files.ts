import { join, relative } from "node:path";
import { UsageError } from "@dbward-aws/cli";
import {
  readStageState,
  STATE_FILE,
  type StageVersions,
  VERSIONS_FILE,
  withStageState,
  withStageVersions,
} from "@dbward-aws/settings";
import { NEW_CONFIG_FILE, putStage } from "../config-file/put-stage.ts";
import { importConfig } from "../import-config.ts";
import { isExample } from "../init/plan-files.ts";
import { readText } from "../project-files.ts";
import { type AdoptContext, AdoptionError } from "./adopt-context.ts";
import { configTexts, type StageSources, stageOfHandRun, stateOfHandRun } from "./stage-of-hand-run.ts";

/** What is to be written, and the versions that it names. */
interface PlannedFiles {
  readonly changed: readonly { readonly path: string; readonly text: string }[];
  readonly versions: StageVersions;
}

/**
 * The files that differ from what the stage needs.
 *
 * @throws AdoptionError, UsageError, ProjectFileError
 */
export async function planFiles(
  { stage, configFile, root }: Pick<AdoptContext, "stage" | "configFile" | "root">,
  sources: StageSources,
  tags: StageVersions,
): Promise<PlannedFiles> {
  const before = await readText(configFile);
  const config = before === undefined ? undefined : await importConfig(configFile);
  const stages = config?.stages ?? {};
  const present = Object.hasOwn(stages, stage) ? stages[stage] : undefined;
  const put = putStage(before ?? NEW_CONFIG_FILE, stage, (expressions) =>
    stageOfHandRun(sources, expressions),
  );
  if ("problem" in put)
    throw new AdoptionError(
      `${configFile} can't be changed: ${put.problem}. Nothing was changed. The stage to put into its \`stages\`:\n\n${put.block},\n`,
      "Write `export default defineConfig({ stages: { … } })`, and run this again.",
    );
  const { fileSystemId } = sources.found.server;
  const isOfThis = present?.state?.fileSystemId === fileSystemId;
  if (present !== undefined && put.text !== before && !isOfThis && !isExample(present))
    throw new UsageError(
      `Stage ${stage} is in ${configFile} already, with other settings.`,
      "Choose another name for the stage, or remove it from the file.",
    );
  const stateFile = join(root, STATE_FILE);
  const known = readStageState(stateFile, stage).state;
  if (known !== undefined && known.fileSystemId !== fileSystemId)
    throw new UsageError(
      `Stage ${stage} has file system ${known.fileSystemId} in ${STATE_FILE} already.`,
      "Choose another name for the stage, or remove it from the file.",
    );
  const versionsFile = join(root, VERSIONS_FILE);
  const versionsBefore = await readText(versionsFile);
  const others =
    versionsBefore === undefined
      ? "{}"
      : JSON.stringify({ ...JSON.parse(versionsBefore), [stage]: undefined });
  const files = [
    ...configTexts(sources),
    { path: VERSIONS_FILE, text: withStageVersions(versionsFile, others, stage, () => tags) },
    {
      path: STATE_FILE,
      text: withStageState(stateFile, await readText(stateFile), stage, { state: stateOfHandRun(sources) }),
    },
    // Last, so that it never names files that are missing.
    { path: relative(root, configFile), text: put.text },
  ];
  const changed = await Promise.all(
    files.map(async (file) => ((await readText(join(root, file.path))) === file.text ? [] : [file])),
  );
  return { changed: changed.flat(), versions: tags };
}
