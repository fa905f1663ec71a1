import { AGENT, SERVER } from "@dbward-aws/contract";
import type { ContainerConfig } from "@dbward-aws/dbward-config";
import type { AgentSettings, ServerSettings } from "./stage-settings.ts";

/** What the command of the server's container has to know. */
export function serverContainer({
  config,
  secrets,
  licenseKeySecret,
}: Pick<ServerSettings, "config" | "secrets" | "licenseKeySecret">): ContainerConfig {
  return {
    config,
    secretVariables: Object.keys(secrets),
    programVariables: licenseKeySecret === undefined ? [] : [SERVER.licenseKeyVariable],
  };
}

/** What the command of an agent's container has to know. */
export function agentContainer({
  config,
  secrets,
}: Pick<AgentSettings, "config" | "secrets">): ContainerConfig {
  return {
    config,
    secretVariables: [AGENT.tokenVariable, AGENT.databaseUrlVariable, ...Object.keys(secrets)],
  };
}
