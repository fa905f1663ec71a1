import { agentSubject, stageNames } from "@dbward-aws/contract";
import { App, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import { type AppliedAgent, ConfigApplier } from "../../apply/config-applier.ts";
import { TokenCapture } from "../../capture/token-capture.ts";
import { DbwardServer } from "../../server/dbward-server.ts";
import { ServerConfig } from "../../server/server-config.ts";
import { DbwardMonitoring, type DbwardMonitoringProps } from "../dbward-monitoring.ts";
import type { MonitoredAgent } from "../monitored-stage.ts";

const ENV = { account: "111122223333", region: "eu-central-1" };

export interface StageOptions {
  readonly monitoring?: Partial<DbwardMonitoringProps>;
  /** Whether tasks have public addresses. @default false */
  readonly assignPublicIp?: boolean;
  /** @default ["app"] */
  readonly agents?: readonly string[];
  readonly loadBalancer?: boolean;
  /** Whether changed values are taken over. @default false */
  readonly applier?: boolean;
  /** @default - the server's private address */
  readonly serverUrl?: string;
}

/** A server with its capture in a stack of their own, and a stack with the monitoring of them. */
export function monitoredStage(options: StageOptions = {}) {
  const { agents = ["app"], assignPublicIp = false } = options;
  const app = new App({ analyticsReporting: false });
  const below = new Stack(app, "Below", { env: ENV });
  const names = stageNames("prod");
  const server = new DbwardServer(below, "Server", {
    stage: "prod",
    vpc: new ec2.Vpc(below, "Vpc", { maxAzs: 2, natGateways: 1 }),
    assignPublicIp,
    image: ecs.ContainerImage.fromRegistry("example/image:1"),
    config: ServerConfig.fromString(""),
    ...(options.loadBalancer && { loadBalancer: {} }),
  });
  const capture = new TokenCapture(below, "Capture", {
    server,
    agents,
    bootstrapAgent: agents[0]!,
    ...(options.serverUrl !== undefined && { serverUrl: options.serverUrl }),
  });
  const stack = new Stack(app, "Monitoring", { env: ENV });
  const monitoredAgents = agents.map((name): MonitoredAgent & AppliedAgent => {
    const serviceName = names.agentService(name);
    return {
      name,
      subject: agentSubject({ name, token: name === agents[0] ? "bootstrap" : "own" }),
      desiredCount: 1,
      serviceName,
      serviceArn: stack.formatArn({
        service: "ecs",
        resource: "service",
        resourceName: `${names.cluster}/${serviceName}`,
      }),
      logGroupName: names.logGroup(serviceName),
      startValues: [],
    };
  });
  const monitoring = new DbwardMonitoring(stack, "Default", {
    server,
    capture,
    vpcCidrs: ["10.0.0.0/16"],
    agents: monitoredAgents,
    ...(options.applier && {
      applier: new ConfigApplier(stack, "Apply", { server, capture, agents: monitoredAgents }),
    }),
    ...options.monitoring,
  });
  return { app, stack, monitoring };
}
