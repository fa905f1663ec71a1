import { CONFIG_VARIABLE } from "@dbward-aws/contract";
import type { ConfigSource } from "@dbward-aws/dbward-config";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as ssm from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";

/**
 * The text of a configuration that the user keeps in a parameter, as a secret of the container: ECS reads it when a
 * task starts, and the execution role may read that one parameter. A rendered configuration needs none.
 */
export function configSecret(scope: Construct, config: ConfigSource): Record<string, ecs.Secret> {
  if (config.source === "rendered") return {};
  const parameter = ssm.StringParameter.fromSecureStringParameterAttributes(scope, "Config", {
    parameterName: config.parameter,
  });
  return { [CONFIG_VARIABLE]: ecs.Secret.fromSsmParameter(parameter) };
}
