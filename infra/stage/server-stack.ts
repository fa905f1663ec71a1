import { STACK_OUTPUTS, stageNames } from "@dbward-aws/contract";
import { clusterName, type ListenerSettings, type StageSettings } from "@dbward-aws/settings";
import { CfnOutput, Duration } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import * as elb from "aws-cdk-lib/aws-elasticloadbalancingv2";
import * as ssm from "aws-cdk-lib/aws-ssm";
import { Construct } from "constructs";
import { CaptureMethod } from "../capture/capture-method.ts";
import { TokenCapture } from "../capture/token-capture.ts";
import { DbwardServer } from "../server/dbward-server.ts";
import { ServerConfig } from "../server/server-config.ts";
import type { ServerListenerOptions } from "../server/server-listener.ts";
import type { ServerLoadBalancerOptions } from "../server/server-load-balancer.ts";
import { ARCHITECTURES } from "./architecture.ts";
import { containerImage } from "./container-image.ts";
import { DbwardStack, type DbwardStackProps } from "./dbward-stack.ts";
import { keysOf } from "./key-of.ts";
import { importKey, namedSecret, namedSecrets } from "./named-secret.ts";
import type { StateStack } from "./state-stack.ts";

export interface ServerStackProps extends DbwardStackProps {
  readonly state: StateStack;
}

/** The server, and the capture of its tokens. */
export class ServerStack extends DbwardStack {
  readonly server: DbwardServer;
  readonly capture: TokenCapture;

  constructor(scope: Construct, props: ServerStackProps) {
    super(scope, "Server", props, "server and token capture");
    this.server = this.#createServer(props);
    this.capture = this.#createCapture(props);
    this.addDependency(props.state);
    this.#publishTokenVersions();
    this.#output(props.settings.stage);
  }

  #createServer({ settings, state, facts }: ServerStackProps): DbwardServer {
    const { server } = settings;
    const { network, encryptionKey } = state;
    const keyOf = keysOf(settings, facts);
    const key = server.config.source === "ssm" ? keyOf(server.config.parameter) : undefined;
    const created = new DbwardServer(this, "Server", {
      stage: settings.stage,
      vpc: network.vpc,
      ...(settings.cluster !== undefined && {
        cluster: ecs.Cluster.fromClusterAttributes(this, "SharedCluster", {
          clusterName: clusterName(settings.cluster),
          vpc: network.vpc,
          // Preflight has seen that it logs none. With any other logging the tasks get rights to write the log.
          ...(!settings.capture.allowSessionLogging && {
            executeCommandConfiguration: { logging: ecs.ExecuteCommandLogging.NONE },
          }),
        }),
      }),
      vpcSubnets: network.taskSubnets,
      assignPublicIp: network.assignPublicIp,
      image: containerImage(this, server.image),
      config: ServerConfig.ofStage(server.config, importKey(new Construct(this, "Config"), key)),
      fileSystem: state.fileSystem,
      taskRole: state.serverTaskRole,
      ...(state.storage && { results: state.storage }),
      secrets: namedSecrets(this, "Secret", server.secrets, keyOf),
      ...(server.licenseKeySecret !== undefined && {
        licenseKey: namedSecret(this, "LicenseKey", server.licenseKeySecret, keyOf),
      }),
      ...(server.loadBalancer && { loadBalancer: this.#loadBalancer(settings, state) }),
      ...(server.listener && { listener: this.#listener(server.listener) }),
      cpu: server.cpu,
      memoryLimitMiB: server.memoryMiB,
      cpuArchitecture: ARCHITECTURES[settings.architecture].task,
      logFilter: server.rustLog,
      logRetention: server.logRetentionDays,
      stopTimeout: Duration.seconds(server.stopTimeoutSeconds),
      enableExecuteCommand: settings.capture.method === "exec",
      ...(encryptionKey && { encryptionKey }),
    });
    for (const cidr of server.allowedCidrs)
      created.connections.allowDefaultPortFrom(ec2.Peer.ipv4(cidr), "API from server.allowedCidrs");
    return created;
  }

  #loadBalancer(
    { server, terminationProtection }: StageSettings,
    { network, accessLogs }: StateStack,
  ): ServerLoadBalancerOptions {
    const { scheme, certificateArn, allowedCidrs = network.cidrs } = server.loadBalancer!;
    const internetFacing = scheme === "internet-facing";
    return {
      internetFacing,
      deletionProtection: terminationProtection,
      ...(certificateArn !== undefined && { certificate: elb.ListenerCertificate.fromArn(certificateArn) }),
      allowedCidrs,
      vpcSubnets: internetFacing ? (network.publicSubnets ?? { subnets: [] }) : network.internalSubnets,
      ...(accessLogs && { accessLogs }),
    };
  }

  #listener({ arn, securityGroupId, url, priority }: ListenerSettings): ServerListenerOptions {
    return {
      listener: elb.ApplicationListener.fromApplicationListenerAttributes(this, "SharedListener", {
        listenerArn: arn,
        securityGroup: ec2.SecurityGroup.fromSecurityGroupId(this, "SharedListenerGroup", securityGroupId),
      }),
      url,
      priority,
    };
  }

  #createCapture({ settings, state }: ServerStackProps): TokenCapture {
    const { capture, monitoring } = settings;
    return new TokenCapture(this, "TokenCapture", {
      server: this.server,
      secrets: state.secrets,
      architecture: ARCHITECTURES[settings.architecture].function,
      method:
        state.captureTaskRole === undefined
          ? CaptureMethod.exec({ allowSessionLogging: capture.allowSessionLogging })
          : CaptureMethod.task({ role: state.captureTaskRole }),
      ...(monitoring.serverUrl !== undefined && { serverUrl: monitoring.serverUrl }),
      ...(state.encryptionKey && { encryptionKey: state.encryptionKey }),
    });
  }

  /**
   * For the agents' stack, which reads them as parameters: an exported value can't change while another stack
   * imports it, and these have to.
   */
  #publishTokenVersions(): void {
    const names = stageNames(this.settings.stage);
    for (const { name } of this.settings.agents)
      new ssm.StringParameter(this, `TokenVersion-${name}`, {
        parameterName: names.agentTokenVersionParameter(name),
        description: `Version of the token of agent ${name}; a new one replaces its tasks`,
        stringValue: this.capture.agentToken(name).version,
      });
  }

  #output(stage: string): void {
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description });
    const { server, capture } = this;
    const secure = server.endpoint.startsWith("https:");
    output(STACK_OUTPUTS.cluster, server.cluster.clusterName, "ECS cluster of the server and its agents");
    output("ServerSecurityGroupId", server.securityGroup.securityGroupId, "Security group of the server");
    output(STACK_OUTPUTS.serverEndpoint, server.endpoint, "Base URL of the server's API");
    output(STACK_OUTPUTS.captureLogGroup, capture.logGroup.logGroupName, "Log of the token capture");
    output("ServerPrivateUrl", server.url, "Base URL of the server's API inside the VPC");
    output(
      "TransportSecurity",
      secure
        ? "TLS to the load balancer, plain HTTP from there inside the VPC"
        : "Plain HTTP: keep it inside private networks",
      "How traffic to the endpoint is protected",
    );
    // Never empty: CloudFormation may not take an output without a value.
    output(
      "CaptureWarnings",
      `Tokens captured. ${capture.warnings}`,
      "What the capture of the tokens noticed",
    );
    output("StatusCommand", `pnpm ops status --stage ${stage}`, "Shows what runs, and what is wrong");
    output("UpgradeCommand", `pnpm ops upgrade TAG --stage ${stage}`, "Upgrades the server, then the agents");
  }
}
