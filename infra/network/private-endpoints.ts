import * as ec2 from "aws-cdk-lib/aws-ec2";
import { Construct } from "constructs";

export interface PrivateEndpointsProps {
  readonly vpc: ec2.Vpc;
  /** IPv4 blocks of the VPC: who may use the endpoints. */
  readonly cidrs: readonly string[];
  readonly subnets: ec2.SubnetSelection;
}

const { InterfaceVpcEndpointAwsService: Service } = ec2;

/**
 * What tasks and poller call when there is no internet, and who calls it. Each costs about 7 USD a month and
 * zone.
 */
export const ENDPOINT_SERVICES: Readonly<Record<string, ec2.InterfaceVpcEndpointAwsService>> = {
  /** Image pulls; the layers come from S3. */
  EcrApi: Service.ECR,
  EcrDocker: Service.ECR_DOCKER,
  /** Logs of the containers. */
  Logs: Service.CLOUDWATCH_LOGS,
  /** Secrets of the containers, and the poller's token. */
  SecretsManager: Service.SECRETS_MANAGER,
  /** Configuration from a parameter. */
  Ssm: Service.SSM,
  /** ECS Exec. */
  SsmMessages: Service.SSM_MESSAGES,
  /** What the poller publishes. */
  Monitoring: Service.CLOUDWATCH_MONITORING,
  /**
   * Task counts for the poller; the agent and telemetry services carry Fargate's own calls in newer regions.
   */
  Ecs: Service.ECS,
  EcsAgent: Service.ECS_AGENT,
  EcsTelemetry: Service.ECS_TELEMETRY,
  /** Secrets and parameters under a key of the customer's. */
  Kms: Service.KMS,
};

/** The interface endpoints that stand in for the internet; the network has the gateway for S3 in any case. */
export class PrivateEndpoints extends Construct {
  /** Group of all interface endpoints. */
  readonly securityGroup: ec2.SecurityGroup;

  constructor(scope: Construct, id: string, props: PrivateEndpointsProps) {
    super(scope, id);
    const { vpc, subnets } = props;
    this.securityGroup = new ec2.SecurityGroup(this, "SecurityGroup", {
      vpc,
      description: "VPC endpoints: HTTPS from the VPC",
      allowAllOutbound: false,
    });
    for (const cidr of props.cidrs)
      this.securityGroup.addIngressRule(ec2.Peer.ipv4(cidr), ec2.Port.tcp(443), "HTTPS from the VPC");

    for (const [name, service] of Object.entries(ENDPOINT_SERVICES))
      vpc.addInterfaceEndpoint(name, {
        service,
        subnets,
        securityGroups: [this.securityGroup],
        open: false,
      });
  }
}
