import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { ECSClient } from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type Endpoints, LOCAL_CREDENTIALS, LOCAL_REGION } from "./environment.ts";

/** Constructor argument of every SDK client of the emulated account. */
export interface ClientConfig {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** @param endpoint the emulated account's, or the ECS front's for an ECS client */
export function clientConfig(endpoint: string): ClientConfig {
  return { region: LOCAL_REGION, endpoint, credentials: LOCAL_CREDENTIALS };
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

/** @param ecsEndpoint @default - as the endpoint */
export function stageClients({
  endpoint,
  ecsEndpoint = endpoint,
}: Partial<Endpoints> & { readonly endpoint: string }): StageClients {
  const config = clientConfig(endpoint);
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
