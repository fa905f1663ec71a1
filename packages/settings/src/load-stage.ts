import { LOCAL_STAGE } from "@dbward-aws/contract";
import { type ConfigSource, checkAgentText, checkServerText, Findings } from "@dbward-aws/dbward-config";
import { agentTextContext, serverTextContext } from "./check-config-text.ts";
import { checkCluster } from "./cluster.ts";
import type { DbwardConfig } from "./dbward-config.ts";
import { placeOf, SettingsError } from "./problems.ts";
import { readConfig } from "./read-config.ts";
import { checkRegion } from "./region-problems.ts";
import { blankProblems } from "./schema/check-blanks.ts";
import { withPreset } from "./schema/presets.ts";
import { schemaProblems } from "./schema/schema-problems.ts";
import { type ParsedStage, stageSchema } from "./schema/stage.ts";
import { asFields, asList } from "./schema/unknown-values.ts";
import type { StageSettings } from "./stage-settings.ts";
import { suggest } from "./suggest.ts";
import { checkTopic } from "./topic.ts";
import { usedSecrets } from "./used-secrets.ts";
import { warnOfRisks, warnOfSecretNames } from "./warn-of-risks.ts";

export interface LoadOptions {
  /** Folder of dbward.config.ts: paths in it are relative to this. */
  readonly root: string;
}

/**
 * The settings of one stage, checked and complete. Other stages are ignored.
 *
 * @throws SettingsError with every mistake found, each with its path
 */
export function loadStage(config: DbwardConfig, stage: string, options: LoadOptions): StageSettings {
  const findings = new Findings();
  const at = (path: string) => placeOf(stage, path);
  const written = findStage(config, stage, at(""), findings);
  const stageInput = withPreset(written);

  const schema = stageSchema(stageInput, written);
  const parsed = schema.safeParse(stageInput);
  if (stageInput !== undefined) {
    const blanks = blankProblems(stageInput);
    const others = parsed.success ? [] : schemaProblems(schema, parsed.error, stageInput);
    for (const { path, message } of [
      ...blanks,
      // Other findings about such a string are caused by its white space.
      ...others.filter(({ path }) => !blanks.some((blank) => blank.path === path)),
    ])
      findings.refuse(at(path), message);
  }

  if (parsed.success) {
    checkCluster({ stage, cluster: parsed.data.cluster }, at("cluster"), findings);
    checkTopic(stage, parsed.data.monitoring, at("monitoring.topicArn"), findings);
  }
  const configs = stageInput === undefined ? [] : readConfigs(stageInput, at, options.root, findings);
  if (!parsed.success || findings.problems.length > 0) throw new SettingsError(stage, findings.problems);

  warnOfRisks(parsed.data, at, findings);
  const settings = complete(stage, parsed.data, configs);
  if (settings.region !== undefined) checkRegion(settings, settings.region);
  warnOfSecretNames(usedSecrets(settings), at, findings);
  return { ...settings, warnings: findings.warnings };
}

function findStage(config: DbwardConfig, stage: string, where: string, findings: Findings): unknown {
  const stages = asFields(asFields(config).stages);
  if (!/^[a-zA-Z](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(stage))
    findings.refuse(
      where,
      "is not a valid name: use up to 32 letters, digits and hyphens, beginning with a letter and not ending in a hyphen",
    );
  else if (!Object.hasOwn(stages, stage)) {
    const known = Object.keys(stages);
    findings.refuse(
      where,
      `is missing${suggest(stage, known) || `; the stages are: ${known.join(", ") || "none"}`}`,
    );
  } else if (stages[stage] === undefined) findings.refuse(where, "is undefined");
  else {
    const twin = Object.keys(stages).find(
      (other) => other !== stage && other.toLowerCase() === stage.toLowerCase(),
    );
    if (twin !== undefined)
      findings.refuse(
        where,
        `differs from stage "${twin}" only in upper and lower case, which some names in AWS, such as DNS zones, ignore`,
      );
    return stages[stage];
  }
  return undefined;
}

/** Reads and checks the configuration files; the server's first, then the agents'. */
function readConfigs(
  stageInput: unknown,
  at: (path: string) => string,
  root: string,
  findings: Findings,
): (ConfigSource | undefined)[] {
  const { server, agents, storage } = asFields(stageInput);
  const serverConfig = readConfig(asFields(server), { at: at("server"), root }, findings);
  if (serverConfig?.toml !== undefined)
    checkServerText(serverConfig.name, serverConfig.toml, serverTextContext(server, storage), findings);
  const agentConfigs = asList(agents).map((agent, index) => {
    const config = readConfig(asFields(agent), { at: at(`agents.${index}`), root }, findings);
    if (config?.toml !== undefined)
      checkAgentText(config.name, config.toml, agentTextContext(agent), findings);
    return config;
  });
  return [serverConfig, ...agentConfigs].map((config) => config?.source);
}

function complete(
  stage: string,
  parsed: ParsedStage,
  [serverConfig, ...agentConfigs]: readonly (ConfigSource | undefined)[],
): Omit<StageSettings, "warnings"> {
  return {
    ...parsed,
    stage,
    terminationProtection: parsed.terminationProtection ?? stage !== LOCAL_STAGE,
    server: { ...withoutSource(parsed.server), config: serverConfig! },
    agents: parsed.agents.map((agent, index) => ({ ...withoutSource(agent), config: agentConfigs[index]! })),
  };
}

function withoutSource<T extends { configFile?: string; configToml?: string; configParameter?: string }>({
  configFile: _file,
  configToml: _toml,
  configParameter: _parameter,
  ...rest
}: T) {
  return rest;
}
