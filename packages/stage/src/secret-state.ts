import { DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import type { AwsClients } from "./aws-clients.ts";
import { ifThere } from "./aws-error.ts";

/** What is known of a secret without reading its value. */
export interface SecretState {
  readonly name: string;
  readonly state: "filled" | "empty" | "missing" | "being-deleted";
  /** Id of the version in use. */
  readonly versionId?: string;
  readonly changedAt?: Date;
}

/**
 * Looks up a secret, not its value.
 *
 * @param name name or ARN
 * @throws AwsCallError
 */
export async function describeSecret(
  clients: Pick<AwsClients, "secrets">,
  name: string,
): Promise<SecretState> {
  const secret = await ifThere(
    `Looking up secret ${name}`,
    clients.secrets.send(new DescribeSecretCommand({ SecretId: name })),
    "ResourceNotFoundException",
  );
  if (!secret) return { name, state: "missing" };
  if (secret.DeletedDate) return { name, state: "being-deleted" };
  const versionId = Object.entries(secret.VersionIdsToStages ?? {}).find(([, stages]) =>
    stages.includes("AWSCURRENT"),
  )?.[0];
  return {
    name,
    state: versionId ? "filled" : "empty",
    ...(versionId && { versionId }),
    ...(secret.LastChangedDate && { changedAt: secret.LastChangedDate }),
  };
}
