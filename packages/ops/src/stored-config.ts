import { DescribeParametersCommand, GetParameterCommand, type ParameterMetadata } from "@aws-sdk/client-ssm";
import { UsageError } from "@dbward-aws/cli";
import { DbwardError } from "@dbward-aws/core";
import { during, ifThere } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";
import { findService, type NamedService, servicesOf } from "./services.ts";

/** The file of a parameter can't be read. */
export class ConfigMissingError extends DbwardError {
  override readonly name = "ConfigMissingError";

  constructor(what: string, hint: string) {
    super("config-missing", what, { hint });
  }
}

/** The configuration of a service in SSM. */
export interface StoredConfig {
  readonly parameter: string;
  /** `server`, or the agent's name. */
  readonly word: string;
  /** All services that read the parameter. */
  readonly services: readonly NamedService[];
  /** `undefined` when the parameter doesn't exist yet. */
  readonly text: string | undefined;
  readonly metadata: ParameterMetadata | undefined;
}

/**
 * Reads the configuration of the server or of one agent.
 *
 * @throws UsageError when there are several such agents, or the configuration is a file of the settings
 * @throws AwsCallError
 */
export async function readStoredConfig(
  context: CommandContext,
  part: string,
  name: string | undefined,
): Promise<StoredConfig> {
  const { settings, names, clients } = context;
  const { word } = findService(part, name, settings, names);
  const parameter = parameterOf(context, word);
  if (parameter === undefined)
    throw new UsageError(
      `The configuration of ${word} is not in SSM; it is part of the deployment.`,
      `Edit the file that dbward.config.ts names, and run: pnpm ops deploy --stage ${settings.stage}`,
    );
  const found = await ifThere(
    `Reading SSM parameter ${parameter}`,
    clients.ssm.send(new GetParameterCommand({ Name: parameter, WithDecryption: true })),
    "ParameterNotFound",
  );
  const { Parameters = [] } = await during(
    `Looking up SSM parameter ${parameter}`,
    clients.ssm.send(
      new DescribeParametersCommand({
        ParameterFilters: [{ Key: "Name", Option: "Equals", Values: [parameter] }],
      }),
    ),
  );
  return {
    parameter,
    word,
    services: servicesWith(context, parameter),
    text: found?.Parameter?.Value,
    metadata: Parameters[0],
  };
}

function parameterOf({ settings }: CommandContext, word: string): string | undefined {
  const { config } =
    word === "server" ? settings.server : settings.agents.find((agent) => agent.name === word)!;
  return config.source === "ssm" ? config.parameter : undefined;
}

function servicesWith(context: CommandContext, parameter: string): NamedService[] {
  const { settings, names } = context;
  return servicesOf(settings, names).filter(({ word }) => parameterOf(context, word) === parameter);
}
