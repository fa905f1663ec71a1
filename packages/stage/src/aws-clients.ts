import { BackupClient } from "@aws-sdk/client-backup";
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EC2Client } from "@aws-sdk/client-ec2";
import { ECSClient } from "@aws-sdk/client-ecs";
import { EFSClient } from "@aws-sdk/client-efs";
import { ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { KMSClient } from "@aws-sdk/client-kms";
import { ResourceGroupsTaggingAPIClient } from "@aws-sdk/client-resource-groups-tagging-api";
import { S3Client } from "@aws-sdk/client-s3";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { ServiceDiscoveryClient } from "@aws-sdk/client-servicediscovery";
import { SNSClient } from "@aws-sdk/client-sns";
import { SSMClient } from "@aws-sdk/client-ssm";
import { STSClient, type STSClientConfig } from "@aws-sdk/client-sts";

// The SDK's notice on Node versions is for the maintainers of this project, not for its users.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

/** Clients of the AWS APIs that a stage is deployed and operated with: one identity, one region. */
export interface AwsClients {
  readonly backup: BackupClient;
  readonly cloudFormation: CloudFormationClient;
  readonly cloudWatch: CloudWatchClient;
  readonly ec2: EC2Client;
  readonly ecs: ECSClient;
  readonly eventBridge: EventBridgeClient;
  readonly loadBalancers: ElasticLoadBalancingV2Client;
  readonly iam: IAMClient;
  readonly efs: EFSClient;
  readonly kms: KMSClient;
  readonly logs: CloudWatchLogsClient;
  readonly s3: S3Client;
  readonly secrets: SecretsManagerClient;
  readonly serviceDiscovery: ServiceDiscoveryClient;
  readonly sns: SNSClient;
  readonly ssm: SSMClient;
  readonly sts: STSClient;
  readonly tagging: ResourceGroupsTaggingAPIClient;
}

/**
 * Clients for one region.
 *
 * @param region AWS region, as {@link chooseIdentity} finds it
 */
export function createAwsClients(
  region: string,
  { credentials, endpoint }: AwsClientOptions = {},
): AwsClients {
  const options = {
    region,
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
  };
  return {
    backup: new BackupClient(options),
    cloudFormation: new CloudFormationClient(options),
    cloudWatch: new CloudWatchClient(options),
    ec2: new EC2Client(options),
    ecs: new ECSClient(options),
    eventBridge: new EventBridgeClient(options),
    loadBalancers: new ElasticLoadBalancingV2Client(options),
    iam: new IAMClient(options),
    efs: new EFSClient(options),
    kms: new KMSClient(options),
    logs: new CloudWatchLogsClient(options),
    s3: new S3Client(options),
    secrets: new SecretsManagerClient(options),
    serviceDiscovery: new ServiceDiscoveryClient(options),
    sns: new SNSClient(options),
    ssm: new SSMClient(options),
    sts: new STSClient(options),
    tagging: new ResourceGroupsTaggingAPIClient(options),
  };
}

/** Where and as whom AWS is called. */
export interface AwsClientOptions {
  /** @default - the SDK's default chain, which {@link takeIdentity} has narrowed to one source */
  readonly credentials?: STSClientConfig["credentials"];
  /**
   * @default - from the environment (`AWS_ENDPOINT_URL`, …), so that the local stage is reached in the same
   * way as a real one
   */
  readonly endpoint?: string;
}

/** A person waits: a call that takes longer than this fails. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 20_000;
