import { stageNames } from "@dbward-aws/contract";
import { CfnOutput } from "aws-cdk-lib";
import * as ssm from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { TokenCapture } from "../bootstrap/token-capture.ts";
import { DbwardServer } from "../server/dbward-server.ts";
import { DbwardStack, type DbwardStackProps } from "./dbward-stack.ts";
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
    const { settings, state } = props;

    this.server = new DbwardServer(this, "Server", {
      settings,
      network: state.network,
      fileSystem: state.fileSystem,
      taskRole: state.serverTaskRole,
      ...(state.storage === undefined ? {} : { storage: state.storage }),
    });
    this.capture = new TokenCapture(this, "TokenCapture", {
      server: this.server,
      secrets: state.secrets,
      settings,
      network: state.network,
      ...(state.captureTaskRole === undefined
        ? {}
        : { task: { fileSystem: state.fileSystem, role: state.captureTaskRole } }),
    });
    this.addDependency(state);
    this.#publishTokenVersions();
    this.#output(settings.stage);
  }

  /**
   * For the agents' stack, which reads them as parameters: an exported value can't change while another stack imports
   * it, and these have to.
   */
  #publishTokenVersions(): void {
    const names = stageNames(this.settings.stage);
    for (const { name } of this.settings.agents)
      new ssm.StringParameter(this, `TokenVersion-${name}`, {
        parameterName: names.agentTokenVersionParameter(name),
        description: `Version of the token of agent ${name}; a new one replaces its tasks`,
        stringValue: this.capture.agentTokenVersion(name),
      });
  }

  #output(stage: string): void {
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description });
    const { server, capture } = this;
    const secure = server.endpoint.startsWith("https:");
    output("ClusterName", server.cluster.clusterName, "ECS cluster of the server and its agents");
    output("ServerSecurityGroupId", server.securityGroup.securityGroupId, "Security group of the server");
    output("ServerEndpoint", server.endpoint, "Base URL of the server's API");
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
    output(
      "UpgradeCommand",
      `pnpm ops upgrade --stage ${stage} --tag <tag>`,
      "Says what to do, in which order, to get to another version",
    );
  }
}
