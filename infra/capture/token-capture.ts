import {
  ADMIN_TOKEN_VERSION_ATTRIBUTE,
  type AgentIdentity,
  agentSubject,
  agentTokenVersionAttribute,
  BASE_URL_PATTERN,
  CAPTURE_AGAIN_PARAMETER,
  CAPTURE_ANSWER_MAX_BYTES,
  CAPTURE_RESOURCE_TYPE,
  CAPTURE_WARNINGS_ATTRIBUTE,
  type CaptureProperties,
  METRICS_ROLE,
  METRICS_TOKEN_VERSION_ATTRIBUTE,
  METRICS_USER,
  SERVER,
} from "@dbward-aws/contract";
import { CfnParameter, CustomResource, Duration, Stack } from "aws-cdk-lib";
import type * as kms from "aws-cdk-lib/aws-kms";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { DbwardLogGroup } from "../dbward-log-group.ts";
import { BundledFunction } from "../function/bundled-function.ts";
import { PropProblems } from "../prop-problems.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import type { AgentToken } from "./agent-token.ts";
import { largestAnswerBytes } from "./answer-size.ts";
import { type BoundCapture, CaptureMethod } from "./capture-method.ts";
import { CaptureRole } from "./capture-role.ts";
import type { CaptureTask } from "./capture-task.ts";
import { TokenSecrets } from "./token-secrets.ts";

export interface TokenCaptureProps {
  readonly server: DbwardServer;
  /** Names of the agents, each of which gets a token. @default - those of `secrets` */
  readonly agents?: readonly string[];
  /**
   * Name of the agent that gets the token which the server's first start writes, with the subject `agent`.
   * @default - each agent gets a token of its own, whose subject is its name
   */
  readonly bootstrapAgent?: string;
  /** How the tokens get out of the server's container. @default CaptureMethod.exec() */
  readonly method?: CaptureMethod;
  /** The secrets, where they are in another stack. @default - new ones for `agents` */
  readonly secrets?: TokenSecrets;
  /**
   * Base URL of the server's API for clients in the VPC: protocol, host, port and path.
   * @default - the server's private address
   */
  readonly serverUrl?: string;
  /** Processor of the function. @default lambda.Architecture.ARM_64 - a fifth cheaper than X86_64 */
  readonly architecture?: lambda.Architecture;
  /** How long the log of the capture is kept. @default - a month */
  readonly logRetention?: logs.RetentionDays;
  /** Customer managed key of the secrets and the log groups. @default - keys of AWS */
  readonly encryptionKey?: kms.IKey;
}

/**
 * How long one run of the function may take: about the most that Lambda has, so that of tasks that can't
 * start (no route to ECR or to the file system: some minutes each) the capture sees the third, at which ECS's
 * circuit breaker ends the deployment. Its own deadline is earlier, so that it can still say why;
 * CloudFormation's is later, and bounds what a crash costs.
 */
const FUNCTION_TIMEOUT = Duration.minutes(14);
const SERVICE_TIMEOUT = Duration.minutes(15);

/**
 * Fills the secrets of a stage from the running server, at the first deployment and at a later one whenever
 * one is empty.
 *
 * It runs beside the creation of the server's ECS service, not after it: a server that doesn't come up ends
 * the deployment within minutes, with the last lines of the server's log.
 */
export class TokenCapture extends Construct {
  readonly function: lambda.Function;
  /** Log of the function; holds the events of `CAPTURE_EVENTS`. */
  readonly logGroup: logs.LogGroup;
  /** The server whose tokens are captured. */
  readonly server: DbwardServer;
  readonly secrets: TokenSecrets;
  /** One-off task of `CaptureMethod.task()`. */
  readonly task?: CaptureTask;
  /** Base URL of the server's API for clients in the VPC. */
  readonly serverUrl: string;
  /** Version of the administrator's secret. */
  readonly adminTokenVersion: string;
  /** Version of the poller's secret. */
  readonly metricsTokenVersion: string;
  /**
   * What the user should know although the capture succeeded, such as a stored token that the server refuses;
   * or empty.
   */
  readonly warnings: string;
  readonly #agentTokens: ReadonlyMap<string, secretsmanager.ISecret>;
  readonly #resource: CustomResource;

  /** @throws InvalidPropsError when props can't be deployed together, with everything that is wrong */
  constructor(scope: Construct, id: string, props: TokenCaptureProps) {
    super(scope, id);
    const { server, encryptionKey, method = CaptureMethod.exec() } = props;
    const agents = props.secrets?.agents ?? identities(props);
    this.server = server;
    this.serverUrl = props.serverUrl ?? server.url;
    this.#check(props, agents, method);
    this.secrets =
      props.secrets ??
      new TokenSecrets(this, "Secrets", {
        stage: server.stage,
        agents,
        ...(encryptionKey && { encryptionKey }),
      });
    const { adminToken, metricsToken } = this.secrets;
    this.#agentTokens = new Map(agents.map(({ name }) => [name, this.secrets.agentTokenFor(this, name)]));
    const secrets = [adminToken, metricsToken, ...this.#agentTokens.values()];

    const bound = method.bind(this, {
      server,
      serverUrl: this.serverUrl,
      secrets,
      ownSecrets: [adminToken, metricsToken, ...agents.map(({ name }) => this.secrets.agentToken(name))],
      encryptionKey,
    });
    if (bound.task) this.task = bound.task;
    this.logGroup = new DbwardLogGroup(this, "Logs", {
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      encryptionKey,
    });
    this.function = new BundledFunction(this, "Function", {
      description: `dbward ${server.stage}: puts the server's bootstrap tokens into Secrets Manager`,
      bundle: "capture-tokens",
      memorySize: 512,
      timeout: FUNCTION_TIMEOUT,
      architecture: props.architecture,
      role: new CaptureRole(this, "Role", {
        server,
        secrets,
        logGroup: this.logGroup,
        method: bound,
        encryptionKey,
      }),
      logGroup: this.logGroup,
    });

    // CloudFormation asks a custom resource nothing as long as its properties stay, and a secret's value is
    // none of them.
    const again = new CfnParameter(this, "Again", {
      default: "",
      description: "With any new value the token secrets are checked again, and filled where they are empty",
    });
    again.overrideLogicalId(CAPTURE_AGAIN_PARAMETER);

    this.#resource = new CustomResource(this, "Resource", {
      resourceType: CAPTURE_RESOURCE_TYPE,
      serviceToken: this.function.functionArn,
      serviceTimeout: SERVICE_TIMEOUT,
      properties: { ...this.#properties(server, agents, bound), Again: again.valueAsString },
    });
    // The service waits for its load balancer, and so does the capture: its time is for the server.
    if (server.loadBalancer !== undefined) this.#resource.node.addDependency(server.loadBalancer);
    if (this.task !== undefined) this.#resource.node.addDependency(this.task);
    this.adminTokenVersion = this.#resource.getAttString(ADMIN_TOKEN_VERSION_ATTRIBUTE);
    this.metricsTokenVersion = this.#resource.getAttString(METRICS_TOKEN_VERSION_ATTRIBUTE);
    this.warnings = this.#resource.getAttString(CAPTURE_WARNINGS_ATTRIBUTE);
  }

  /**
   * The token of an agent, for a `DbwardAgent` in the same stack.
   *
   * @throws Error when the stage has no such agent
   */
  agentToken(name: string): AgentToken {
    const secret = this.#agentTokens.get(name) ?? this.secrets.agentToken(name);
    return {
      agent: name,
      subject: agentSubject(this.secrets.agents.find((agent) => agent.name === name)!),
      secret,
      version: this.#resource.getAttString(agentTokenVersionAttribute(name)),
    };
  }

  #check(props: TokenCaptureProps, agents: readonly AgentIdentity[], method: CaptureMethod): void {
    const problems = new PropProblems(this);
    const names = agents.map(({ name }) => name);
    problems.expect(names.length > 0, "agents", "must name at least one agent");
    problems.expect(
      props.secrets === undefined || (props.agents === undefined && props.bootstrapAgent === undefined),
      "secrets",
      "can't be set together with agents and bootstrapAgent: the secrets name the agents themselves",
    );
    for (const [at, name] of names.entries()) {
      problems.expectText(
        name,
        /^[a-z][a-z0-9-]{0,39}$/,
        `agents[${at}]`,
        "must be up to 40 lower-case letters, digits and hyphens that begin with a letter",
      );
      problems.expect(names.indexOf(name) === at, `agents[${at}]`, `must not be "${name}" a second time`);
    }
    problems.expect(
      props.bootstrapAgent === undefined || names.includes(props.bootstrapAgent),
      "bootstrapAgent",
      `must be one of the agents (${names.join(", ")}), not "${props.bootstrapAgent}"`,
    );
    problems.expectText(
      this.serverUrl,
      BASE_URL_PATTERN,
      "serverUrl",
      "must be a URL of protocol, host, port and path alone, without a slash at its end",
    );
    // What CloudFormation would refuse only after all tokens are stored.
    const bytes = largestAnswerBytes(Stack.of(this).stackName, agents);
    problems.expect(
      bytes <= CAPTURE_ANSWER_MAX_BYTES,
      "agents",
      `must be fewer, or have shorter names: the versions of ${agents.length} tokens are up to ${bytes} bytes in the ` +
        `capture's answer, and CloudFormation takes ${CAPTURE_ANSWER_MAX_BYTES}. A second stage has room for more`,
    );
    method.check(props.server, problems);
    problems.throwIfAny();
  }

  /**
   * The service's name is written, not referred to: a reference would make the capture wait for the service.
   */
  #properties(
    server: DbwardServer,
    agents: readonly AgentIdentity[],
    bound: BoundCapture,
  ): CaptureProperties {
    return {
      Cluster: server.cluster.clusterArn,
      Service: server.serviceName,
      Container: SERVER.container,
      TaskDefinition: server.taskDefinition.taskDefinitionArn,
      StateDirectory: SERVER.stateDirectory,
      Port: String(SERVER.port),
      LogGroup: server.logGroup.logGroupName,
      AdminTokenSecret: this.secrets.adminToken.secretArn,
      AgentTokens: agents.map(({ name, token }) => ({
        Agent: name,
        Secret: this.#agentTokens.get(name)!.secretArn,
        Source: token === "bootstrap" ? "bootstrap" : "minted",
      })),
      MetricsTokenSecret: this.secrets.metricsToken.secretArn,
      MetricsUser: METRICS_USER,
      MetricsRole: METRICS_ROLE,
      ...bound.properties,
    };
  }
}

function identities({ agents = [], bootstrapAgent }: TokenCaptureProps): AgentIdentity[] {
  return agents.map((name) => ({ name, ...(name === bootstrapAgent && { token: "bootstrap" as const }) }));
}
