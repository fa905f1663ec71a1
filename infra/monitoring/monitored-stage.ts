import type { ExpectedAgent } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import type * as efs from "aws-cdk-lib/aws-efs";
import type * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import type * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";

/** What monitoring needs to know of the network; `DbwardNetwork` has it all. */
export interface MonitoredNetwork {
  readonly vpc: ec2.IVpc;
  /** Subnets of the poller. */
  readonly taskSubnets: ec2.SubnetSelection;
}

/** What monitoring needs to know of the server; `DbwardServer` has it all. */
export interface MonitoredServer {
  readonly cluster: ecs.ICluster;
  readonly service: ecs.FargateService;
  readonly logGroup: logs.ILogGroup;
  readonly securityGroup: ec2.ISecurityGroup;
  /** Base URL of the API inside the VPC. */
  readonly url: string;
  readonly loadBalancer?: elb.ApplicationLoadBalancer;
  readonly targetGroup?: elb.ApplicationTargetGroup;
  /** Opens the API's port to a group; the rule belongs to `scope`. */
  allowFrom(
    scope: Construct,
    id: string,
    group: ec2.ISecurityGroup,
    description: string,
  ): ec2.CfnSecurityGroupIngress;
}

/**
 * What monitoring needs to know of an agent; `DbwardAgent` has it all. All of it is written out: what is referred to
 * in another stack can't be deleted there, and agents come and go.
 */
export interface MonitoredAgent extends ExpectedAgent {
  readonly serviceArn: string;
  readonly logGroupName: string;
}

/** Everything of a stage that is watched. */
export interface MonitoredStage {
  readonly settings: StageSettings;
  readonly network: MonitoredNetwork;
  readonly server: MonitoredServer;
  readonly agents: readonly MonitoredAgent[];
  readonly fileSystem: { readonly fileSystem: efs.IFileSystem };
  /** The poller's token. */
  readonly secrets: { readonly metricsToken: secretsmanager.ISecret };
  readonly capture: { readonly function: lambda.IFunction; readonly logGroup: logs.ILogGroup };
}
