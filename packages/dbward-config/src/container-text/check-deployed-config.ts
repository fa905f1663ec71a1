import { AGENT, CONFIG_VARIABLE, LOG_FILTER_VARIABLE, SERVER } from "@dbward-aws/contract";
import type { DbwardProgram } from "../check-config.ts";
import { storageBackendIn } from "../render/container-command.ts";
import { checkAgentText } from "./check-agent-text.ts";
import { checkServerText } from "./check-server-text.ts";
import { Findings } from "./findings.ts";

/** A container of dbward as its task definition has it. */
export interface DeployedContainer {
  readonly program: DbwardProgram;
  /** Its plain environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of the variables that ECS fills from secrets and parameters. */
  readonly secrets: readonly string[];
  /** Seconds between SIGTERM and SIGKILL. */
  readonly stopTimeoutSeconds: number;
}

/** Variables that the deployment fills, and that a text must not use or uses in one place. */
const OWN: readonly string[] = [CONFIG_VARIABLE, SERVER.licenseKeyVariable, AGENT.tokenVariable];

/**
 * Checks a text for a container that is deployed already, by the rules that a deployment checks it by.
 *
 * @param name name of the text in findings
 */
export function checkDeployedConfig(name: string, toml: string, container: DeployedContainer): Findings {
  const { program, environment, stopTimeoutSeconds } = container;
  const findings = new Findings();
  const secrets = container.secrets.filter((variable) => !OWN.includes(variable));
  const rustLog = environment[LOG_FILTER_VARIABLE] ?? "";
  if (program === "server")
    checkServerText(name, toml, { secrets, rustLog, backend: storageBackendIn(environment) }, findings);
  else checkAgentText(name, toml, { databases: [], secrets, rustLog, stopTimeoutSeconds }, findings);
  return findings;
}
