import { GetParametersCommand, type Parameter } from "@aws-sdk/client-ssm";
import type { ConfigSource } from "@dbward-aws/dbward-config";
import {
  checkAgentConfig,
  checkServerConfig,
  type StageSettings,
  type TextFindings,
} from "@dbward-aws/settings";
import { type AwsClients, during } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";
import { unlessDenied } from "./unless-denied.ts";

/** Parameters by name, as far as they are there. */
export type Parameters = ReadonlyMap<string, Parameter>;

/** The configuration of a service. */
interface ServiceConfig {
  /** `server`, or the agent's name. */
  readonly word: string;
  readonly config: ConfigSource;
  check(name: string, toml: string): TextFindings;
}

/** Which services to look at, by their words. @default all */
type Words = readonly string[];

/** The configuration texts in SSM: there, encrypted, and such that dbward takes what their containers make of them. */
export function checkParameters(
  settings: StageSettings,
  parameters: Parameters | undefined,
  region: string,
  findings: PreflightFindings,
  words?: Words,
): void {
  if (!parameters) return;
  const configs = configsOf(settings, words);
  for (const name of namesIn(configs)) {
    const type = parameters.get(name)?.Type;
    if (!parameters.has(name))
      findings.refuse(
        `SSM parameter ${name} is missing. Run: ` +
          `aws ssm put-parameter --type SecureString --name ${name} --value file://FILE --region ${region}`,
      );
    else if (type !== "SecureString")
      findings.warn(`SSM parameter ${name} is a ${type}; a SecureString is encrypted`);
  }
  for (const { config, check } of configs) {
    const parameter = config.source === "ssm" ? parameters.get(config.parameter) : undefined;
    if (!parameter) continue;
    const { problems, warnings } = check(parameter.Name!, parameter.Value ?? "");
    for (const { where, message } of problems) findings.refuse(`SSM parameter ${where}: ${message}`);
    for (const warning of warnings) findings.warn(`SSM parameter ${warning}`);
  }
}

function configsOf(settings: StageSettings, words?: Words): ServiceConfig[] {
  const { server, agents } = settings;
  const all: ServiceConfig[] = [
    {
      word: "server",
      config: server.config,
      check: (name, toml) => checkServerConfig(name, toml, settings),
    },
    ...agents.map((agent) => ({
      word: agent.name,
      config: agent.config,
      check: (name: string, toml: string) => checkAgentConfig(name, toml, agent),
    })),
  ];
  return words ? all.filter(({ word }) => words.includes(word)) : all;
}

function namesIn(configs: readonly ServiceConfig[]): string[] {
  return [...new Set(configs.flatMap(({ config }) => (config.source === "ssm" ? [config.parameter] : [])))];
}

/** `GetParameters` takes this many names. */
const NAMES_A_CALL = 10;

/**
 * Reads the parameters that the settings name, decrypted.
 *
 * @returns `undefined` when the caller may not read them, which is a warning
 */
export async function readParameters(
  settings: StageSettings,
  clients: AwsClients,
  findings: PreflightFindings,
  words?: Words,
): Promise<Parameters | undefined> {
  const wanted = namesIn(configsOf(settings, words));
  return unlessDenied(
    `The configuration in ${wanted.join(", ")}`,
    "ssm:GetParameters, or kms:Decrypt with the key of a parameter",
    findings,
    () => readAll(wanted, clients),
  );
}

async function readAll(wanted: readonly string[], clients: AwsClients): Promise<Parameters> {
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
