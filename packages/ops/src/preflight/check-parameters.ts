import { GetParametersCommand, type Parameter } from "@aws-sdk/client-ssm";
import type { ConfigSource } from "@dbward-aws/dbward-config";
import {
  checkAgentConfig,
  checkServerConfig,
  type StageSettings,
  type TextFindings,
} from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { during } from "../aws-error.ts";
import type { PreflightFindings } from "./findings.ts";

/** Parameters by name, as far as they are there. */
export type Parameters = ReadonlyMap<string, Parameter>;

/** The configuration texts in SSM: there, encrypted, and such that dbward takes what their containers make of them. */
export function checkParameters(
  settings: StageSettings,
  parameters: Parameters,
  findings: PreflightFindings,
): void {
  const missing = new Set(names(settings).filter((name) => !parameters.has(name)));
  for (const name of missing)
    findings.refuse(
      `SSM parameter ${name} is missing. Run: ` +
        `aws ssm put-parameter --type SecureString --name ${name} --value file://FILE`,
    );
  for (const [name, { Type }] of parameters)
    if (Type !== "SecureString")
      findings.warn(`SSM parameter ${name} is a ${Type}; a SecureString is encrypted`);

  const tell = ({ problems, warnings }: TextFindings) => {
    for (const { where, message } of problems) findings.refuse(`SSM parameter ${where}: ${message}`);
    for (const warning of warnings) findings.warn(`SSM parameter ${warning}`);
  };
  const { server, agents } = settings;
  const serverText = textOf(server.config, parameters);
  if (serverText) tell(checkServerConfig(serverText.name, serverText.toml, settings));
  for (const agent of agents) {
    const text = textOf(agent.config, parameters);
    if (text) tell(checkAgentConfig(text.name, text.toml, agent));
  }
}

function textOf(config: ConfigSource, parameters: Parameters): { name: string; toml: string } | undefined {
  if (config.source === "rendered") return undefined;
  const parameter = parameters.get(config.parameter);
  return parameter && { name: config.parameter, toml: parameter.Value ?? "" };
}

function names({ server, agents }: StageSettings): string[] {
  return [server, ...agents].flatMap(({ config }) => (config.source === "ssm" ? [config.parameter] : []));
}

/** `GetParameters` takes this many names. */
const NAMES_A_CALL = 10;

/** Reads the parameters that the settings name, decrypted. */
export async function readParameters(settings: StageSettings, clients: AwsClients): Promise<Parameters> {
  const wanted = [...new Set(names(settings))];
  const found = new Map<string, Parameter>();
  for (let at = 0; at < wanted.length; at += NAMES_A_CALL) {
    const { Parameters = [] } = await during(
      "Reading the SSM parameters",
      clients.ssm.send(
        new GetParametersCommand({ Names: wanted.slice(at, at + NAMES_A_CALL), WithDecryption: true }),
      ),
    );
    for (const parameter of Parameters) found.set(parameter.Name!, parameter);
  }
  return found;
}
