import { agentSubject, stageNames } from "@dbward-aws/contract";
import type { MonitoringSettings, StageSettings } from "@dbward-aws/settings";
import { App, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as efs from "aws-cdk-lib/aws-efs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { FUNCTION_RUNTIME } from "../../function-code.ts";
import { MonitoringStack } from "../../stacks/monitoring-stack.ts";
import { stageSettings } from "../../test-support/settings.ts";
import type { MonitoredAgent, MonitoredStage } from "../monitored-stage.ts";

const ENV = { account: "111122223333", region: "eu-central-1" };

export interface StageOptions {
  readonly monitoring?: Partial<MonitoringSettings>;
  readonly egress?: "nat" | "endpoints" | "public";
  /** @default ["app"] */
  readonly agents?: readonly string[];
  readonly loadBalancer?: boolean;
}

/** A stage with everything that is watched, in a stack of its own, and the MonitoringStack over it. */
export function monitoredStage(options: StageOptions = {}): { app: App; stack: MonitoringStack } {
  const app = new App({ analyticsReporting: false });
  const below = new Stack(app, "Below", { env: ENV });
  const stack = new MonitoringStack(app, "Monitoring", { env: ENV, ...watched(below, options) });
  return { app, stack };
}

function watched(scope: Stack, options: StageOptions): MonitoredStage {
  const settings = settingsOf(options);
  const names = stageNames(settings.stage);
  const vpc = new ec2.Vpc(scope, "Vpc", { maxAzs: 2, natGateways: 1 });
  const cluster = new ecs.Cluster(scope, "Cluster", { vpc, clusterName: names.cluster });
  const service = (name: string) => {
    const taskDefinition = new ecs.FargateTaskDefinition(scope, `Task-${name}`);
    const logGroup = new logs.LogGroup(scope, `Log-${name}`, { logGroupName: names.logGroup(name) });
    taskDefinition.addContainer("main", {
      image: ecs.ContainerImage.fromRegistry("example/image:1"),
      portMappings: [{ containerPort: 3000 }],
    });
    return {
      service: new ecs.FargateService(scope, `Service-${name}`, {
        cluster,
        taskDefinition,
        serviceName: name,
        minHealthyPercent: 0,
      }),
      logGroup,
    };
  };
  const agent = (name: string, index: number): MonitoredAgent => ({
    name,
    subject: agentSubject(name, index === 0),
    desiredCount: 1,
    serviceArn: scope.formatArn({
      service: "ecs",
      resource: "service",
      resourceName: `${names.cluster}/${names.agentService(name)}`,
    }),
    logGroupName: names.logGroup(names.agentService(name)),
  });
  const server = service(names.serverService);
  const securityGroup = new ec2.SecurityGroup(scope, "ServerGroup", { vpc, allowAllOutbound: false });
  const captureLog = new logs.LogGroup(scope, "CaptureLog");
  return {
    settings,
    network: { vpc, taskSubnets: { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS } },
    server: {
      ...server,
      cluster,
      securityGroup,
      url: `http://server.${names.namespace}:3000`,
      ...(options.loadBalancer ? loadBalanced(scope, vpc, server.service) : {}),
      allowFrom: (of, id, group, description) =>
        new ec2.CfnSecurityGroupIngress(of, id, {
          groupId: securityGroup.securityGroupId,
          sourceSecurityGroupId: group.securityGroupId,
          ipProtocol: "tcp",
          fromPort: 3000,
          toPort: 3000,
          description,
        }),
    },
    agents: (options.agents ?? ["app"]).map(agent),
    fileSystem: { fileSystem: new efs.FileSystem(scope, "FileSystem", { vpc }) },
    secrets: { metricsToken: new secretsmanager.Secret(scope, "MetricsToken") },
    capture: {
      logGroup: captureLog,
      function: new lambda.Function(scope, "Capture", {
        runtime: FUNCTION_RUNTIME,
        handler: "index.handler",
        code: lambda.Code.fromInline("export const handler = async () => {};"),
        logGroup: captureLog,
      }),
    },
  };
}

function loadBalanced(scope: Stack, vpc: ec2.IVpc, service: ecs.FargateService) {
  const loadBalancer = new elb.ApplicationLoadBalancer(scope, "LoadBalancer", { vpc });
  const targetGroup = loadBalancer
    .addListener("Http", { port: 80, open: false })
    .addTargets("Server", { port: 3000, protocol: elb.ApplicationProtocol.HTTP, targets: [service] });
  return { loadBalancer, targetGroup };
}

function settingsOf({ monitoring, egress = "nat" }: StageOptions): StageSettings {
  const settings = stageSettings({ stage: "prod", agents: [] });
  return {
    ...settings,
    network: { ...settings.network, egress },
    monitoring: { ...settings.monitoring, ...monitoring },
  };
}
