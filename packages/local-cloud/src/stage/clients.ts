import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { ECSClient } from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Credentials } from "../account/index.ts";
import { type AccountAccess, LOCAL_REGION } from "./environment.ts";

/** Constructor argument of every SDK client of the emulated account. */
export interface ClientConfig {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: Credentials;
}

/** @param endpoint the emulated account's, or the ECS front's for an ECS client */
export function clientConfig(endpoint: string, credentials: Credentials): ClientConfig {
  return { region: LOCAL_REGION, endpoint, credentials };
}

/** The clients that the stage itself uses. */
export interface StageClients {
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly logs: CloudWatchLogsClient;
  readonly ecs: ECSClient;
  readonly lambda: LambdaClient;
  readonly secretsManager: SecretsManagerClient;
  destroy(): void;
}

export function stageClients({ endpoint, ecsEndpoint, credentials }: AccountAccess): StageClients {
  const config = clientConfig(endpoint, credentials);
  const clients = {
    cloudFormation: new CloudFormationClient(config),
    cloudWatch: new CloudWatchClient(config),
    logs: new CloudWatchLogsClient(config),
    ecs: new ECSClient({ ...config, endpoint: ecsEndpoint }),
    lambda: new LambdaClient(config),
    secretsManager: new SecretsManagerClient(config),
  };
  return {
    ...clients,
    destroy: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
