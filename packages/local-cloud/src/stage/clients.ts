import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { ECSClient } from "@aws-sdk/client-ecs";
import { IAMClient } from "@aws-sdk/client-iam";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type AccountAccess, clientConfig } from "@dbward-aws/local-account";

/** The clients that the stage itself uses. */
export interface StageClients {
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly logs: CloudWatchLogsClient;
  readonly ecs: ECSClient;
  readonly iam: IAMClient;
  readonly lambda: LambdaClient;
  readonly secretsManager: SecretsManagerClient;
  destroy(): void;
}

export function stageClients(access: AccountAccess): StageClients {
  const config = clientConfig(access);
  const clients = {
    cloudFormation: new CloudFormationClient(config),
    cloudWatch: new CloudWatchClient(config),
    logs: new CloudWatchLogsClient(config),
    ecs: new ECSClient(config),
    iam: new IAMClient(config),
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
