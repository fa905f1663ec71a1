import { Findings } from "../findings.ts";
import type { AgentSettings, StageSettings } from "../stage-settings.ts";
import { checkAgentText } from "./check-agent-text.ts";
import { checkServerText } from "./check-server-text.ts";

/** What {@link checkServerConfig} and {@link checkAgentConfig} find. */
export type TextFindings = Pick<Findings, "problems" | "warnings">;

/**
 * Checks the server.toml of a stage that is not in its settings, such as the text of an SSM parameter: as the settings' own are checked.
 *
 * @param name what findings call the text
 */
export function checkServerConfig(
  name: string,
  toml: string,
  { server, storage }: StageSettings,
): TextFindings {
  const findings = new Findings();
  const { rustLog } = server;
  const context = { secrets: Object.keys(server.secrets), rustLog, backend: storage.backend };
  checkServerText(name, toml, context, findings);
  return findings;
}

/** As {@link checkServerConfig}, for an agent.toml. */
export function checkAgentConfig(name: string, toml: string, agent: AgentSettings): TextFindings {
  const findings = new Findings();
  const { rustLog, stopTimeoutSeconds } = agent;
  checkAgentText(name, toml, { secrets: Object.keys(agent.secrets), rustLog, stopTimeoutSeconds }, findings);
  return findings;
}
