import { DescribeSecretCommand } from "@aws-sdk/client-secrets-manager";
import type { StageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
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

/** @param name name or ARN of the secret */
export async function describeSecret(clients: AwsClients, name: string): Promise<SecretState> {
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

/** A token of the stage: whose it is, and in which secret. */
export interface TokenSecret {
  /** `admin`, `metrics`, or the agent's name. */
  readonly owner: string;
  readonly kind: "admin" | "metrics" | "agent";
  readonly secret: string;
}

/** The secrets that the capture fills. */
export function tokenSecrets(settings: StageSettings, names: StageNames): TokenSecret[] {
  return [
    { owner: "admin", kind: "admin", secret: names.adminTokenSecret },
    { owner: "metrics", kind: "metrics", secret: names.metricsTokenSecret },
    ...settings.agents.map(
      ({ name }, index): TokenSecret => ({
        owner: name,
        kind: "agent",
        secret: names.agentTokenSecret(name, index === 0),
      }),
    ),
  ];
}
