import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { DbwardConfig } from "./dbward-config.ts";
import { type Problem, SettingsError } from "./problems.ts";
import { schemaProblems } from "./schema/schema-problems.ts";
import { type ParsedStage, stageSchema } from "./schema/stage-schema.ts";
import type { ConfigSettings, StageSettings } from "./stage-settings.ts";
import { suggest } from "./suggest.ts";

/** Name of the file that problems are told of. */
const FILE = "dbward.config.ts";

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
  const stages = config?.stages ?? {};
  if (!Object.hasOwn(stages, stage)) {
    const known = Object.keys(stages);
    throw new SettingsError(stage, [
      {
        where: `${FILE}: stages.${stage}`,
        message: `is missing${suggest(stage, known) || `; there are: ${known.join(", ") || "none"}`}`,
      },
    ]);
  }
  const given: unknown = stages[stage];
  const schema = stageSchema(given);
  const parsed = schema.safeParse(given);
  const problems: Problem[] = parsed.success
    ? []
    : schemaProblems(schema, parsed.error, given).map(({ where, message }) => ({
        where: `${FILE}: stages.${stage}${where && `.${where}`}`,
        message,
      }));
  if (!parsed.success || problems.length > 0) throw new SettingsError(stage, problems);
  return complete(stage, parsed.data, options.root);
}

function complete(stage: string, parsed: ParsedStage, root: string): StageSettings {
  const { network, server, agents } = parsed;
  return {
    ...parsed,
    stage,
    network: "vpcId" in network ? { kind: "existing", ...network } : { kind: "new", ...network },
    server: {
      ...withConfig(server, root),
      loadBalancer: server.loadBalancer && {
        scheme: server.loadBalancer.scheme,
        certificateArn: server.loadBalancer.certificateArn,
        allowedCidrs:
          server.loadBalancer.allowedCidrs ??
          (server.loadBalancer.scheme === "internet-facing" ? ["0.0.0.0/0"] : [network.cidr]),
      },
    },
    agents: agents.map((agent) => ({
      ...withConfig(agent, root),
      database: { ...agent.database, cidrs: agent.database.cidrs ?? [network.cidr] },
    })),
    warnings: [],
  };
}

function withConfig<T extends { configFile?: string; configToml?: string; configParameter?: string }>(
  { configFile, configToml, configParameter, ...rest }: T,
  root: string,
) {
  const config: ConfigSettings =
    configParameter === undefined
      ? { source: "rendered", toml: configToml ?? readFileSync(resolve(root, configFile!), "utf8") }
      : { source: "ssm", parameter: configParameter };
  return { ...rest, config };
}
