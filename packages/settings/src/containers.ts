import { AGENT, SERVER } from "@dbward-aws/contract";
import type { ContainerConfig } from "@dbward-aws/dbward-config";
import type { AgentSettings } from "./schema/agent.ts";
import type { ServerSettings } from "./schema/server.ts";

/** The input for the command of the server's container. */
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

/** The input for the command of an agent's container. */
export function agentContainer({
  config,
  databases,
  secrets,
}: Pick<AgentSettings, "config" | "databases" | "secrets">): ContainerConfig {
  return {
    config,
    secretVariables: [
      AGENT.tokenVariable,
      ...databases.map(({ variable }) => variable),
      ...Object.keys(secrets),
    ],
  };
}
