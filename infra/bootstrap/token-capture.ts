import {
  ADMIN_TOKEN_VERSION_ATTRIBUTE,
  agentTokenVersionAttribute,
  CAPTURE_AGAIN_PARAMETER,
  CAPTURE_ANSWER_MAX_BYTES,
  CAPTURE_RESOURCE_TYPE,
  CAPTURE_WARNINGS_ATTRIBUTE,
  type CaptureProperties,
  METRICS_ROLE,
  METRICS_TOKEN_VERSION_ATTRIBUTE,
  METRICS_USER,
  SERVER,
  stageNames,
} from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import { CfnParameter, CustomResource, Duration, RemovalPolicy } from "aws-cdk-lib";
import type * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import type * as iam from "aws-cdk-lib/aws-iam";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct, type IDependable } from "constructs";
import { BundledFunction } from "../function-code.ts";
import type { DbwardNetwork } from "../network/dbward-network.ts";
import type { ServerFileSystem } from "../server/server-file-system.ts";
import { largestAnswerBytes } from "./answer-size.ts";
import { CaptureRole } from "./capture-role.ts";
import { CaptureTask } from "./capture-task.ts";
import type { TokenSecrets } from "./token-secrets.ts";

/** What the capture needs to know of a server; `DbwardServer` has it all. */
export interface CapturedServer {
  readonly cluster: ecs.ICluster;
  readonly taskDefinition: ecs.FargateTaskDefinition;
  readonly logGroup: logs.ILogGroup;
  readonly securityGroup: ec2.ISecurityGroup;
  /** Base URL of the server's API inside the VPC. */
  readonly url: string;
  /** The service waits for it, and so does the capture: its time is for the server. @default - none */
  readonly loadBalancer?: IDependable;
}

/** What method `task` needs beside it. */
export interface CaptureTaskResources {
  readonly fileSystem: ServerFileSystem;
  /** Role that the file system's policy knows as its reader; it gets the right to write the secrets. */
  readonly role: iam.IRole;
}

export interface TokenCaptureProps {
  readonly settings: StageSettings;
  readonly server: CapturedServer;
  readonly secrets: TokenSecrets;
  readonly network: DbwardNetwork;
  /** @default - none: needed when `settings.capture.method` is `task` */
  readonly task?: CaptureTaskResources;
}

/**
 * How long one run of the function may take. Its own deadline is earlier, so that it can still say why; CloudFormation's
 * is later, and bounds what a crash costs.
 */
const FUNCTION_TIMEOUT = Duration.minutes(10);
const SERVICE_TIMEOUT = Duration.minutes(11);

/**
 * Fills the {@link TokenSecrets} from the running server, at the first deploy and whenever one is empty at a later one.
 *
 * It runs beside the creation of the server's ECS service, not after it: a server that doesn't come up ends the deploy
 * within minutes, with the server's own last words.
 */
export class TokenCapture extends Construct {
  readonly function: lambda.Function;
  /** Log of the function; holds the events of `CAPTURE_EVENTS`. */
  readonly logGroup: logs.LogGroup;
  /** One-off task of method `task`. */
  readonly task?: CaptureTask;
  /** Version of the administrator's secret. */
  readonly adminTokenVersion: string;
  /** Version of the poller's secret. */
  readonly metricsTokenVersion: string;
  /** What the user should know although the capture succeeded, such as a stored token that the server refuses; or empty. */
  readonly warnings: string;
  readonly #resource: CustomResource;

  constructor(scope: Construct, id: string, props: TokenCaptureProps) {
    super(scope, id);
    const { settings, server, secrets } = props;
    const agentTokens = new Map(settings.agents.map(({ name }) => [name, secrets.agentTokenFor(this, name)]));

    this.task = this.#createTask(props);
    this.logGroup = new logs.LogGroup(this, "Logs", {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new CaptureRole(this, "Role", {
      server,
      serviceName: stageNames(settings.stage).serverService,
      secrets: [secrets.adminToken, secrets.metricsToken, ...agentTokens.values()],
      logGroup: this.logGroup,
      task: this.task,
    });
    this.function = new BundledFunction(this, "Function", {
      description: `dbward ${settings.stage}: puts the server's bootstrap tokens into Secrets Manager`,
      bundle: "capture-tokens",
      memorySize: 512,
      timeout: FUNCTION_TIMEOUT,
      role,
      logGroup: this.logGroup,
    });

    // CloudFormation asks a custom resource nothing as long as its properties stay, and a secret's value is none of them.
    const again = new CfnParameter(this, "Again", {
      default: "",
      description: "Any new value has the token secrets looked at again, and filled where they are empty",
    });
    again.overrideLogicalId(CAPTURE_AGAIN_PARAMETER);

    this.#resource = new CustomResource(this, "Resource", {
      resourceType: CAPTURE_RESOURCE_TYPE,
      serviceToken: this.function.functionArn,
      serviceTimeout: SERVICE_TIMEOUT,
      properties: { ...captureProperties(props, agentTokens, this.task), Again: again.valueAsString },
    });
    if (server.loadBalancer !== undefined) this.#resource.node.addDependency(server.loadBalancer);
    if (this.task !== undefined) this.#resource.node.addDependency(this.task);
    this.adminTokenVersion = this.#resource.getAttString(ADMIN_TOKEN_VERSION_ATTRIBUTE);
    this.metricsTokenVersion = this.#resource.getAttString(METRICS_TOKEN_VERSION_ATTRIBUTE);
    this.warnings = this.#resource.getAttString(CAPTURE_WARNINGS_ATTRIBUTE);
    this.node.addValidation({ validate: () => this.#mistakes(settings) });
  }

  /** What CloudFormation would refuse only after all tokens are stored. */
  #mistakes({ stage, agents }: StageSettings): string[] {
    const bytes = largestAnswerBytes(stageNames(stage).stack("Server"), agents);
    return bytes > CAPTURE_ANSWER_MAX_BYTES
      ? [
          `agents: the versions of ${agents.length} tokens are up to ${bytes} bytes in the capture's answer, and CloudFormation takes ${CAPTURE_ANSWER_MAX_BYTES}: use fewer agents or shorter names, or a second stage.`,
        ]
      : [];
  }

  /**
   * Version of an agent's secret. In a task definition's environment it makes a new token replace the tasks: a running
   * task never sees a new value.
   *
   * @param name an agent of the stage's settings
   */
  agentTokenVersion(name: string): string {
    return this.#resource.getAttString(agentTokenVersionAttribute(name));
  }

  #createTask(props: TokenCaptureProps): CaptureTask | undefined {
    const { secrets, settings } = props;
    if (settings.capture.method !== "task") return undefined;
    if (!props.task) throw new Error("TokenCapture: capture.method is `task`; give the prop `task` as well.");
    return new CaptureTask(this, "Task", {
      settings,
      network: props.network,
      fileSystem: props.task.fileSystem,
      role: props.task.role,
      // The role is of the secrets' own stack, and so is its right to write them.
      secrets: [
        secrets.adminToken,
        secrets.metricsToken,
        ...settings.agents.map(({ name }) => secrets.agentToken(name)),
      ],
      serverSecurityGroup: props.server.securityGroup,
      serverUrl: settings.monitoring.serverUrl ?? props.server.url,
    });
  }
}

/** The service's name is written, not referred to: a reference would make the capture wait for the service. */
function captureProperties(
  { settings, server, secrets }: TokenCaptureProps,
  agentTokens: ReadonlyMap<string, secretsmanager.ISecret>,
  task: CaptureTask | undefined,
): CaptureProperties {
  return {
    Cluster: server.cluster.clusterArn,
    Service: stageNames(settings.stage).serverService,
    Container: SERVER.container,
    TaskDefinition: server.taskDefinition.taskDefinitionArn,
    StateDirectory: SERVER.stateDirectory,
    Port: String(SERVER.port),
    LogGroup: server.logGroup.logGroupName,
    Method: settings.capture.method,
    AdminTokenSecret: secrets.adminToken.secretArn,
    AgentTokens: settings.agents.map(({ name }, index) => ({
      Agent: name,
      Secret: agentTokens.get(name)!.secretArn,
      Source: index === 0 ? "bootstrap" : "minted",
    })),
    MetricsTokenSecret: secrets.metricsToken.secretArn,
    MetricsUser: METRICS_USER,
    MetricsRole: METRICS_ROLE,
    ConfigSource: settings.server.config.source,
    AllowSessionLogging: settings.capture.allowSessionLogging ? "true" : "false",
    ...(task ? { CaptureTask: task.properties } : {}),
  };
}
