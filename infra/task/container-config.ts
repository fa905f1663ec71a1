import { CONFIG_VARIABLE } from "@dbward-aws/contract";
import type { ConfigSettings } from "@dbward-aws/settings";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as ssm from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";

/** How a container gets the text of its configuration file. */
export interface ContainerConfig {
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, ecs.Secret>>;
}

/**
 * The text in the environment, or the parameter that holds it: then ECS reads it when a task starts, and the
 * execution role may read that one parameter.
 *
 * @param text what a rendered configuration says, with the names that only the deployment knows put in
 */
export function containerConfig(
  scope: Construct,
  config: ConfigSettings,
  text: (toml: string) => string,
): ContainerConfig {
  if (config.source === "rendered")
    return { environment: { [CONFIG_VARIABLE]: text(config.toml) }, secrets: {} };
  const parameter = ssm.StringParameter.fromSecureStringParameterAttributes(scope, "Config", {
    parameterName: config.parameter,
  });
  return { environment: {}, secrets: { [CONFIG_VARIABLE]: ecs.Secret.fromSsmParameter(parameter) } };
}
