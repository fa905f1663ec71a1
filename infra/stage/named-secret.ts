import { secretReference } from "@dbward-aws/settings";
import * as kms from "aws-cdk-lib/aws-kms";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { ContainerSecret } from "../task/container-secret.ts";
import type { KeyOf } from "./key-of.ts";

/** ARN of a secret with the six random characters that Secrets Manager puts at its end. */
const COMPLETE_ARN = /^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/;

/**
 * A secret that the user made, for a container's environment.
 *
 * @param text its name or its ARN (with or without the random characters at its end), and behind it
 * `:JSON-KEY:VERSION-STAGE:VERSION-ID` or nothing
 * @throws Error when the text has another form
 */
export function namedSecret(scope: Construct, id: string, text: string, keyOf: KeyOf): ContainerSecret {
  const reference = secretReference(text);
  if (!reference)
    throw new Error(
      `${id} must be named by name or ARN, with :JSON-KEY:VERSION-STAGE:VERSION-ID or nothing.`,
    );
  const { secretId, ...part } = reference;
  const home = new Construct(scope, id);
  return ContainerSecret.of(importSecret(home, secretId), part, importKey(home, keyOf(secretId)));
}

function importSecret(scope: Construct, nameOrArn: string): secretsmanager.ISecret {
  if (!nameOrArn.startsWith("arn:"))
    return secretsmanager.Secret.fromSecretNameV2(scope, "Secret", nameOrArn);
  return COMPLETE_ARN.test(nameOrArn)
    ? secretsmanager.Secret.fromSecretCompleteArn(scope, "Secret", nameOrArn)
    : secretsmanager.Secret.fromSecretPartialArn(scope, "Secret", nameOrArn);
}

/** A customer managed key by its ARN, or none. */
export function importKey(scope: Construct, keyArn: string | undefined): kms.IKey | undefined {
  return keyArn === undefined ? undefined : kms.Key.fromKeyArn(scope, "Key", keyArn);
}

/**
 * The secrets that a configuration file refers to as `${NAME}`, for a container's environment.
 *
 * @param secrets name of the variable to its secret, as {@link namedSecret} takes it
 */
export function namedSecrets(
  scope: Construct,
  id: string,
  secrets: Readonly<Record<string, string>>,
  keyOf: KeyOf,
): Record<string, ContainerSecret> {
  return Object.fromEntries(
    Object.entries(secrets).map(([variable, secret]) => [
      variable,
      namedSecret(scope, `${id}-${variable}`, secret, keyOf),
    ]),
  );
}
