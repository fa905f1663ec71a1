import * as ecs from "aws-cdk-lib/aws-ecs";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";

/** ARN of a secret with the six random characters that Secrets Manager puts at its end. */
const COMPLETE_ARN = /^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/;

/** A secret that the user made, by its name or its ARN (with or without the random characters at its end). */
function namedSecret(scope: Construct, id: string, nameOrArn: string): secretsmanager.ISecret {
  if (!nameOrArn.startsWith("arn:")) return secretsmanager.Secret.fromSecretNameV2(scope, id, nameOrArn);
  return COMPLETE_ARN.test(nameOrArn)
    ? secretsmanager.Secret.fromSecretCompleteArn(scope, id, nameOrArn)
    : secretsmanager.Secret.fromSecretPartialArn(scope, id, nameOrArn);
}

/**
 * The secrets that a configuration file refers to as `${NAME}`, for a container's environment.
 *
 * @param secrets name of the variable to name or ARN of the secret
 */
export function namedSecrets(
  scope: Construct,
  secrets: Readonly<Record<string, string>>,
): Record<string, ecs.Secret> {
  return Object.fromEntries(
    Object.entries(secrets).map(([variable, secret]) => [
      variable,
      ecs.Secret.fromSecretsManager(namedSecret(scope, `Secret-${variable}`, secret)),
    ]),
  );
}
