import { AGENT } from "@dbward-aws/contract";
import {
  type AgentTextContext,
  checkAgentText,
  checkServerText,
  Findings,
  type ServerTextContext,
} from "@dbward-aws/dbward-config";
import { AGENT_STOP_TIMEOUT, type AgentSettings } from "./schema/agent.ts";
import { RUST_LOG } from "./schema/task.ts";
import { asFields, asList } from "./schema/unknown-values.ts";
import type { StageSettings } from "./stage-settings.ts";

/** Findings of {@link checkServerConfig} and {@link checkAgentConfig}. */
export type TextFindings = Pick<Findings, "problems" | "warnings">;

/**
 * Checks a server.toml that is not in the settings, such as the text of an SSM parameter, by the same rules.
 *
 * @param name name of the text in findings
 */
export function checkServerConfig(
  name: string,
  toml: string,
  { server, storage }: StageSettings,
): TextFindings {
  const findings = new Findings();
  checkServerText(name, toml, serverTextContext(server, storage), findings);
  return findings;
}

/** As {@link checkServerConfig}, for an agent.toml. */
export function checkAgentConfig(name: string, toml: string, agent: AgentSettings): TextFindings {
  const findings = new Findings();
  checkAgentText(name, toml, agentTextContext(agent), findings);
  return findings;
}

/** The settings that a server.toml has to fit, taken from a stage that may be incomplete or wrong. */
export function serverTextContext(server: unknown, storage: unknown): ServerTextContext {
  return { ...variablesOf(server), backend: asFields(storage).backend === "local" ? "local" : "s3" };
}

/** As {@link serverTextContext}, for an agent.toml. */
export function agentTextContext(agent: unknown): AgentTextContext {
  const { databases, stopTimeoutSeconds } = asFields(agent);
  return {
    ...variablesOf(agent),
    databases:
      databases === undefined
        ? [AGENT.databaseUrlVariable]
        : asList(databases)
            .map((database) => asFields(database).variable)
            .filter((variable) => typeof variable === "string"),
    stopTimeoutSeconds: typeof stopTimeoutSeconds === "number" ? stopTimeoutSeconds : AGENT_STOP_TIMEOUT,
  };
}

function variablesOf(task: unknown) {
  const { secrets, rustLog } = asFields(task);
  return {
    secrets: Object.keys(asFields(secrets)),
    rustLog: typeof rustLog === "string" ? rustLog : RUST_LOG,
  };
}
