import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

/** Where and as whom AWS is called. What is left out, the SDK takes from its environment and configuration files. */
export interface ClientOptions {
  readonly region?: string;
  /** Of every service but ECS. */
  readonly endpoint?: string;
  /** @default - as {@link endpoint} */
  readonly ecsEndpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The clients that the page reads with. */
export interface StageClients {
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly logs: CloudWatchLogsClient;
  readonly ecs: ECSClient;
  readonly secrets: SecretsManagerClient;
}

export function stageClients({ ecsEndpoint, ...common }: ClientOptions = {}): StageClients {
  return {
    cloudFormation: new CloudFormationClient(common),
    cloudWatch: new CloudWatchClient(common),
    logs: new CloudWatchLogsClient(common),
    ecs: new ECSClient({ ...common, ...(ecsEndpoint === undefined ? {} : { endpoint: ecsEndpoint }) }),
    secrets: new SecretsManagerClient(common),
  };
}
