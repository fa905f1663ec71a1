import type { ConfigSource } from "@dbward-aws/dbward-config";
import { checkAgentText } from "./config-text/check-agent-text.ts";
import { checkServerText } from "./config-text/check-server-text.ts";
import type { DbwardConfig } from "./dbward-config.ts";
import { Findings } from "./findings.ts";
import { SettingsError } from "./problems.ts";
import { readConfig } from "./read-config.ts";
import { asFields, asList } from "./schema/given.ts";
import { schemaProblems } from "./schema/schema-problems.ts";
import { AGENT_STOP_TIMEOUT, type ParsedStage, RUST_LOG, stageSchema } from "./schema/stage-schema.ts";
import type { StageSettings } from "./stage-settings.ts";
import { suggest } from "./suggest.ts";
import { warnOfRisks } from "./warn-of-risks.ts";

export interface LoadOptions {
  /** Folder of dbward.config.ts: paths in it are relative to this. */
  readonly root: string;
}

/**
 * The settings of one stage, checked and complete. Other stages are not looked at.
 *
 * @throws SettingsError with every mistake found, each with its path
 */
export function loadStage(config: DbwardConfig, stage: string, options: LoadOptions): StageSettings {
  const findings = new Findings();
  const at = (path: string) => `dbward.config.ts: stages.${stage}${path && `.${path}`}`;
  const given = findStage(config, stage, at(""), findings);

  const schema = stageSchema(given);
  const parsed = schema.safeParse(given);
  if (given !== undefined && !parsed.success)
    for (const { path, message } of schemaProblems(schema, parsed.error, given))
      findings.refuse(at(path), message);

  const configs = given === undefined ? [] : readConfigs(given, at, options.root, findings);
  if (!parsed.success || findings.problems.length > 0) throw new SettingsError(stage, findings.problems);

  warnOfRisks(parsed.data, at, findings);
  return complete(stage, parsed.data, configs, findings.warnings);
}

function findStage(config: DbwardConfig, stage: string, where: string, findings: Findings): unknown {
  const stages = asFields(asFields(config).stages);
  if (!/^[a-zA-Z](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(stage))
    findings.refuse(
      where,
      "has no valid name: up to 32 letters, digits and hyphens, beginning with a letter and not ending in a hyphen",
    );
  else if (!Object.hasOwn(stages, stage)) {
    const known = Object.keys(stages);
    findings.refuse(
      where,
      `is missing${suggest(stage, known) || `; there are: ${known.join(", ") || "none"}`}`,
    );
  } else if (stages[stage] === undefined) findings.refuse(where, "is undefined");
  else return stages[stage];
  return undefined;
}

/** Reads and checks the configuration files; the server's first, then the agents'. */
function readConfigs(
  given: unknown,
  at: (path: string) => string,
  root: string,
  findings: Findings,
): (ConfigSource | undefined)[] {
  const stage = asFields(given);
  const server = asFields(stage.server);
  const serverConfig = readConfig(server, { at: at("server"), root }, findings);
  if (serverConfig?.toml !== undefined) {
    const { backend } = asFields(stage.storage);
    const context = { ...variablesOf(server), backend: backend === "local" ? backend : "s3" } as const;
    checkServerText(serverConfig.name, serverConfig.toml, context, findings);
  }
  const agentConfigs = asList(stage.agents).map((each, index) => {
    const agent = asFields(each);
    const config = readConfig(agent, { at: at(`agents.${index}`), root }, findings);
    if (config?.toml !== undefined) {
      const { stopTimeoutSeconds } = agent;
      const context = {
        ...variablesOf(agent),
        stopTimeoutSeconds: typeof stopTimeoutSeconds === "number" ? stopTimeoutSeconds : AGENT_STOP_TIMEOUT,
      };
      checkAgentText(config.name, config.toml, context, findings);
    }
    return config;
  });
  return [serverConfig, ...agentConfigs].map((config) => config?.source);
}

/** The variables of a task, as far as they are given and usable. */
function variablesOf(task: Readonly<Record<string, unknown>>): {
  secrets: readonly string[];
  rustLog: string;
} {
  const { rustLog } = task;
  return {
    secrets: Object.keys(asFields(task.secrets)),
    rustLog: typeof rustLog === "string" ? rustLog : RUST_LOG,
  };
}

function complete(
  stage: string,
  parsed: ParsedStage,
  [serverConfig, ...agentConfigs]: readonly (ConfigSource | undefined)[],
  warnings: readonly string[],
): StageSettings {
  const { network, monitoring } = parsed;
  const { loadBalancer, ...server } = withoutSource(parsed.server);
  return {
    ...parsed,
    stage,
    network: "vpcId" in network ? { kind: "existing", ...network } : { kind: "new", ...network },
    server: {
      ...server,
      config: serverConfig!,
      ...(loadBalancer && {
        loadBalancer: {
          scheme: loadBalancer.scheme,
          ...(loadBalancer.certificateArn && { certificateArn: loadBalancer.certificateArn }),
          allowedCidrs:
            loadBalancer.allowedCidrs ??
            (loadBalancer.scheme === "internet-facing" ? ["0.0.0.0/0"] : [network.cidr]),
        },
      }),
    },
    agents: parsed.agents.map((agent, index) => ({
      ...withoutSource(agent),
      config: agentConfigs[index]!,
      database: { ...agent.database, cidrs: agent.database.cidrs ?? [network.cidr] },
    })),
    monitoring: {
      ...monitoring,
      ...(monitoring.serverUrl && { serverUrl: monitoring.serverUrl.replace(/\/+$/, "") }),
    },
    warnings,
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
