import { AGENT, type AgentScaling, agentPart, CONFIG_VARIABLE, stageNames } from "@dbward-aws/contract";
import { agentCommand, agentEnvironment, checkAgentText } from "@dbward-aws/dbward-config";
import { Duration, Stack } from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as ecs from "aws-cdk-lib/aws-ecs";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import { Construct, type IDependable } from "constructs";
import type { AgentToken } from "../capture/agent-token.ts";
import { DbwardLogGroup } from "../dbward-log-group.ts";
import { DbwardSecurityGroup } from "../network/dbward-security-group.ts";
import { PropProblems } from "../prop-problems.ts";
import type { DbwardServer } from "../server/dbward-server.ts";
import { checkConfigText, configSecret } from "../task/config-text.ts";
import { ContainerSecret } from "../task/container-secret.ts";
import { DbwardTask } from "../task/dbward-task.ts";
import { checkTaskProps } from "../task/task-props.ts";
import { TaskRole } from "../task/task-role.ts";
import type { AgentConfig } from "./agent-config.ts";

export interface DbwardAgentProps {
  /** The server that the agent polls. Stage, cluster and network are the server's. */
  readonly server: DbwardServer;
  /** The agent's token, from `TokenCapture.agentToken`; it says which agent this is. */
  readonly token: AgentToken;
  readonly image: ecs.ContainerImage;
  readonly config: AgentConfig;
  /** The databases that the agent reaches; at least one. */
  readonly databases: readonly AgentDatabase[];
  /** Further secrets that the configuration refers to as `${NAME}`, by that name. @default - none */
  readonly secrets?: Readonly<Record<string, ecs.Secret | secretsmanager.ISecret>>;
  /** CPU units, 1024 a vCPU. @default 256 */
  readonly cpu?: number;
  /** Memory in MiB, one of the sizes that Fargate offers with `cpu`. @default 512 */
  readonly memoryLimitMiB?: number;
  /** Processor of the tasks. The image must be made for it. @default - that of the server */
  readonly cpuArchitecture?: ecs.CpuArchitecture;
  /**
   * Where Fargate takes the tasks' capacity from, such as
   * `[{ capacityProvider: "FARGATE_SPOT", weight: 1 }]`. The cluster must have the providers, as one that
   * `DbwardServer` creates has. An existing service can go from one strategy to another, but not from the
   * launch type to a strategy.
   * @default - on demand: by a strategy in a cluster of the server's own, else by the launch type
   */
  readonly capacityProviderStrategies?: ecs.CapacityProviderStrategy[];
  /** Number of tasks. They share one token, and dbward counts them as one agent. @default 1 */
  readonly desiredCount?: number;
  /**
   * Bounds between which the poller of `DbwardMonitoring` chooses the number of tasks by the queue, in place
   * of `desiredCount`.
   * @default - the number stays as it is
   */
  readonly scaling?: AgentScaling;
  /** Filter of the agent's log, in the form of `RUST_LOG`. @default "info" */
  readonly logFilter?: string;
  /** How long the log is kept. @default - two weeks */
  readonly logRetention?: logs.RetentionDays;
  /**
   * Time from the signal that stops the agent to the one that kills it; 120 seconds at most. It should be
   * longer than `drain_timeout_secs` of agent.toml.
   * @default - 90 seconds
   */
  readonly stopTimeout?: Duration;
  /** Whether ECS Exec is on: a session shows the URLs of the databases, passwords included. @default false */
  readonly enableExecuteCommand?: boolean;
  /**
   * Customer managed key of the log group, which CloudWatch Logs must be allowed to use.
   * @default - a key of AWS
   */
  readonly encryptionKey?: kms.IKey;
}

/** A database of an agent: its URL, and the way to it. One of `connectable` and `cidrs` is needed. */
export interface AgentDatabase {
  /** Environment variable with the URL, as agent.toml refers to it. @default "DATABASE_URL" */
  readonly variable?: string;
  /** The URL. */
  readonly secret: ecs.Secret | secretsmanager.ISecret;
  /** TCP port. @default 5432 */
  readonly port?: number;
  /**
   * The database, such as an `rds.DatabaseInstance`, or its security group: it is opened to the agent, too.
   * @default - it is reached by `cidrs`
   */
  readonly connectable?: ec2.IConnectable;
  /** IPv4 blocks in which the database is. @default - it is reached by `connectable` */
  readonly cidrs?: readonly string[];
}

/**
 * An agent that loses its server removes its ready file within seconds, and writes it again at the first
 * successful poll. The server is away for 1.5 to 3 minutes at each of its deployments, and no agent is to be
 * replaced for that: ten failed checks, the most that ECS takes, half a minute apart are at least four and a
 * half minutes. A process that ends is noticed at once in any case, because its container ends with it.
 */
const PATIENCE = { interval: Duration.seconds(30), retries: 10 };

/**
 * The launch type would do the same, but CloudFormation would replace a service that goes from it to Spot,
 * and fail, because the former one still has the name.
 */
const ON_DEMAND: ecs.CapacityProviderStrategy[] = [{ capacityProvider: "FARGATE", weight: 1 }];

/** A dbward agent: an ECS service of its own, the only part of a stage that reaches the databases. */
export class DbwardAgent extends Construct implements ec2.IConnectable {
  /** Name of the agent. */
  readonly name: string;
  /** Subject of its token: the id of its row in `GET /api/agents`. */
  readonly subject: string;
  /** Number of tasks that should run. */
  readonly desiredCount: number;
  /** Bounds of that number, if the poller may change it. */
  readonly scaling?: AgentScaling;
  readonly service: ecs.FargateService;
  readonly taskDefinition: ecs.FargateTaskDefinition;
  readonly logGroup: logs.LogGroup;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly connections: ec2.Connections;
  /** Names and ARN for other stacks, written out: a reference would keep the agent from being removed. */
  readonly serviceName: string;
  readonly serviceArn: string;
  readonly logGroupName: string;
  /** The configuration, if it is in SSM. */
  readonly configParameter?: ecs.Secret;
  /** Everything else that ECS reads from Secrets Manager and SSM when a task starts, but the token. */
  readonly startValues: readonly ecs.Secret[];

  /** @throws InvalidPropsError when props can't be deployed together, with everything that is wrong */
  constructor(scope: Construct, id: string, props: DbwardAgentProps) {
    super(scope, id);
    const { server, token } = props;
    this.#check(props);
    const names = stageNames(server.stage);
    this.name = token.agent;
    this.subject = token.subject;
    this.desiredCount = props.scaling?.min ?? props.desiredCount ?? 1;
    if (props.scaling) this.scaling = props.scaling;
    this.serviceName = `${server.agentServicePrefix}${this.name}`;
    this.serviceArn = Stack.of(this).formatArn({
      service: "ecs",
      resource: "service",
      resourceName: `${server.clusterName}/${this.serviceName}`,
    });
    this.logGroupName = names.logGroup(agentPart(this.name));
    this.logGroup = new DbwardLogGroup(this, "LogGroup", {
      logGroupName: this.logGroupName,
      retention: props.logRetention ?? logs.RetentionDays.TWO_WEEKS,
      encryptionKey: props.encryptionKey,
    });

    const group = new DbwardSecurityGroup(this, "SecurityGroup", {
      vpc: server.vpc,
      description: `dbward agent ${this.name}`,
    });
    this.securityGroup = group;
    this.connections = new ec2.Connections({ securityGroups: [group] });
    const serverRule = server.allowFrom(this, "ReachServer", group, { source: `Agent ${this.name}` });
    group.allowHttps("AWS APIs, registry");
    group.allowDns();
    const databaseRules = props.databases.flatMap((database) => this.#reach(server.stage, database));

    const config = configSecret(this, props.config.text);
    if (config) this.configParameter = config;
    const values = startSecrets(props);
    this.startValues = Object.values(values);
    const task = this.#createTask(props, config, values);
    this.taskDefinition = task;
    const enableExecuteCommand = props.enableExecuteCommand ?? false;
    const capacityProviderStrategies =
      props.capacityProviderStrategies ?? (server.ownsCluster ? ON_DEMAND : undefined);
    this.service = new ecs.FargateService(this, "Service", {
      cluster: server.cluster,
      serviceName: this.serviceName,
      taskDefinition: task,
      desiredCount: this.desiredCount,
      ...(capacityProviderStrategies && { capacityProviderStrategies }),
      // Agents keep nothing: the new one works before the old one leaves, and a bad version is rolled back.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      vpcSubnets: server.vpcSubnets,
      assignPublicIp: server.assignPublicIp,
      securityGroups: [group],
      enableExecuteCommand,
      enableECSManagedTags: true,
      propagateTags: ecs.PropagatedTagSource.SERVICE,
      // Only a client of the namespace: it offers nothing, and resolves `server`.
      serviceConnectConfiguration: { namespace: server.namespace.namespaceArn },
    });
    // CloudFormation would reset the number with every other change of the service. A new service without one
    // starts with one task, and the first poll raises that to the minimum.
    if (this.scaling)
      (this.service.node.defaultChild as ecs.CfnService).addPropertyDeletionOverride("DesiredCount");
    // The first task must be able to read its secrets, and find the server and its databases.
    this.service.node.addDependency(serverRule, task.obtainExecutionRole(), ...databaseRules);
    if (enableExecuteCommand) task.acceptExecFindings();
  }

  #check(props: DbwardAgentProps): void {
    const { databases, secrets = {}, desiredCount = 1, scaling } = props;
    const problems = new PropProblems(this);
    problems.expect(databases.length > 0, "databases", "must have at least one database");
    for (const [at, { port = 5432, connectable, cidrs }] of databases.entries()) {
      problems.expect(
        Number.isInteger(port) && port > 0 && port < 65_536,
        `databases[${at}].port`,
        `must be a TCP port, 1 to 65535, not ${port}`,
      );
      problems.expect(
        (connectable === undefined) !== (cidrs === undefined || cidrs.length === 0),
        `databases[${at}]`,
        "must have either connectable or cidrs: where the database is",
      );
    }
    problems.expect(
      Number.isInteger(desiredCount) && desiredCount >= 0,
      "desiredCount",
      `must be 0 or more, not ${desiredCount}`,
    );
    if (scaling) {
      const { min, max } = scaling;
      problems.expect(props.desiredCount === undefined, "desiredCount", "can't be set together with scaling");
      problems.expect(
        Number.isInteger(min) && Number.isInteger(max) && min > 0 && max > min,
        "scaling",
        `must have a min of at least 1 and a larger max, not ${min} and ${max}`,
      );
    }
    const urls = databases.map(({ variable = AGENT.databaseUrlVariable }) => variable);
    const stopTimeoutSeconds = props.stopTimeout?.toSeconds() ?? 90;
    checkTaskProps(problems, {
      cpu: props.cpu ?? 256,
      memoryLimitMiB: props.memoryLimitMiB ?? 512,
      stopTimeoutSeconds,
      variables: [
        ...urls.map((name, at) => [`databases[${at}].variable`, name] as const),
        ...Object.keys(secrets).map((name) => [`secrets.${name}`, name] as const),
      ],
    });
    checkConfigText(this, props.config.text, problems, (name, toml, findings) =>
      checkAgentText(
        name,
        toml,
        {
          databases: urls,
          secrets: Object.keys(secrets),
          rustLog: props.logFilter ?? "info",
          stopTimeoutSeconds,
        },
        findings,
      ),
    );
    problems.throwIfAny();
  }

  /**
   * Opens the way to a database, and the database to the agent where its security group is known.
   *
   * @returns the rules on the side of the database
   */
  #reach(stage: string, { port = 5432, connectable, cidrs = [] }: AgentDatabase): IDependable[] {
    const description = `dbward ${stage}: agent ${this.name} to its database`;
    for (const cidr of cidrs) this.connections.allowTo(ec2.Peer.ipv4(cidr), ec2.Port.tcp(port), description);
    if (connectable === undefined) return [];
    this.connections.allowTo(connectable, ec2.Port.tcp(port), description);
    return connectable.connections.securityGroups;
  }

  #createTask(
    props: DbwardAgentProps,
    configParameter: ecs.Secret | undefined,
    startValues: Readonly<Record<string, ecs.Secret>>,
  ): DbwardTask {
    const { server, token, config, databases, secrets = {} } = props;
    const task = new DbwardTask(this, "Task", {
      family: `${stageNames(server.stage).cluster}-${agentPart(this.name)}`,
      cpu: props.cpu ?? 256,
      memoryLimitMiB: props.memoryLimitMiB ?? 512,
      cpuArchitecture: props.cpuArchitecture ?? server.cpuArchitecture,
      taskRole: new TaskRole(this, "TaskRole", { description: `dbward agent ${this.name}` }),
    });
    const container = task.addDbwardContainer(AGENT.container, {
      image: props.image,
      command: agentCommand({
        config: config.text.source,
        secretVariables: [
          AGENT.tokenVariable,
          ...databases.map(({ variable = AGENT.databaseUrlVariable }) => variable),
          ...Object.keys(secrets),
        ],
      }),
      environment: agentEnvironment(config.text.source),
      logFilter: props.logFilter ?? "info",
      secrets: {
        ...(configParameter && { [CONFIG_VARIABLE]: configParameter }),
        ...startValues,
        [AGENT.tokenVariable]: ContainerSecret.of(token.secret),
      },
      enableExecuteCommand: props.enableExecuteCommand ?? false,
      // A running task neither gets nor loses the agent of ECS Exec: a change has to replace it.
      ...(props.enableExecuteCommand && { dockerLabels: { "dbward.ecs-exec": "true" } }),
      logGroup: this.logGroup,
      healthCheck: {
        command: ["CMD-SHELL", `test -f ${AGENT.readyFile}`],
        ...PATIENCE,
        timeout: Duration.seconds(5),
        startPeriod: Duration.seconds(60),
      },
      stopTimeout: props.stopTimeout ?? Duration.seconds(90),
    });
    // A task reads a secret once, when it starts: a new version of the token has to replace the tasks.
    container.addEnvironment(AGENT.tokenVersionVariable, token.version);
    return task;
  }
}

/** What a task reads when it starts, by the variable, without configuration and token. */
function startSecrets({ databases, secrets = {} }: DbwardAgentProps): Record<string, ecs.Secret> {
  return {
    ...Object.fromEntries(
      Object.entries(secrets).map(([name, secret]) => [name, ContainerSecret.from(secret)]),
    ),
    ...Object.fromEntries(
      databases.map(({ variable = AGENT.databaseUrlVariable, secret }) => [
        variable,
        ContainerSecret.from(secret),
      ]),
    ),
  };
}
