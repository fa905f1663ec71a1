import { AGENT, LOG_FILTER_VARIABLE, SERVER } from "@dbward-aws/contract";
import { Findings } from "./findings.ts";
import type { AgentSettings, StageSettings } from "./stage-settings.ts";
import { checkAgentConfig } from "./toml/check-agent-config.ts";
import { checkServerConfig } from "./toml/check-server-config.ts";
import { TomlDocument } from "./toml/toml-document.ts";

/** What {@link checkServerText} and {@link checkAgentText} find. */
export type TextFindings = Pick<Findings, "problems" | "warnings">;

/**
 * Checks a server.toml that the deployment doesn't own, such as the text of an SSM parameter.
 *
 * @param name how problems call the text
 */
export function checkServerText(name: string, toml: string, stage: StageSettings): TextFindings {
  const { server, storage } = stage;
  const variables = serverVariables(Object.keys(server.secrets));
  return check(name, toml, (document, findings) =>
    checkServerConfig(document, { variables, backend: storage.backend }, findings),
  );
}

/** As {@link checkServerText}, for an agent.toml. */
export function checkAgentText(name: string, toml: string, agent: AgentSettings): TextFindings {
  const { stopTimeoutSeconds } = agent;
  const variables = agentVariables(Object.keys(agent.secrets));
  return check(name, toml, (document, findings) =>
    checkAgentConfig(document, { variables, stopTimeoutSeconds }, findings),
  );
}

/** Variables that the server's container has, beside those that nobody would refer to. */
export function serverVariables(secrets: readonly string[]): string[] {
  return [LOG_FILTER_VARIABLE, SERVER.licenseKeyVariable, ...secrets];
}

/** Variables that an agent's container has for agent.toml. */
export function agentVariables(secrets: readonly string[]): string[] {
  return [AGENT.tokenVariable, AGENT.databaseUrlVariable, ...secrets];
}

function check(
  name: string,
  toml: string,
  checkDocument: (document: TomlDocument, findings: Findings) => void,
): TextFindings {
  const findings = new Findings();
  const document = TomlDocument.read(name, toml);
  if (document instanceof TomlDocument) checkDocument(document, findings);
  else findings.refuse(document.where, document.message);
  return findings;
}
