import type { CaptureProperties } from "@dbward-aws/contract";
import { createLogger, Deadline } from "@dbward-aws/core";
import type { CaptureEvent } from "../capture.ts";
import { createLogReader } from "../log-reader.ts";
import type { Tools } from "../tools.ts";
import { AwsPeer, CREDENTIALS } from "./aws-peer.ts";
import { DbwardPeer } from "./dbward-peer.ts";
import { ShellContainer } from "./shell-runner.ts";

/** A dbward server for a capture: its API on this machine, and the files that it wrote. */
export interface CapturedServer {
  readonly port: number;
  readonly stateDirectory: string;
  close(): void;
}

const ARN = "arn:aws:ecs:eu-central-1:111122223333";
const CLUSTER = `${ARN}:cluster/dbward-test`;
export const TASK_DEFINITION = `${ARN}:task-definition/server:7`;
/** The deployment that the tests' tasks belong to. */
export const DEPLOYMENT = "ecs-svc/7000000000000000007";
export const SECRET = {
  admin: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:dbward/test/admin-token-aaaaaa",
  agent: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:dbward/test/agent-token-bbbbbb",
  payments: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:dbward/test/agent-token/payments-cccccc",
  metrics: "arn:aws:secretsmanager:eu-central-1:111122223333:secret:dbward/test/metrics-token-dddddd",
} as const;

/** A whole stage of real peers: AWS, a dbward server, and a container in which a shell runs. */
export class Stage<Server extends CapturedServer = DbwardPeer> {
  readonly aws: AwsPeer;
  readonly server: Server;
  readonly container = new ShellContainer();
  readonly log: string[] = [];
  #requests = 0;
  #stopped = 0;

  private constructor(aws: AwsPeer, server: Server) {
    this.aws = aws;
    this.server = server;
  }

  /** A stage whose server runs and whose secrets are empty. */
  static async start(): Promise<Stage> {
    return Stage.around(await DbwardPeer.start());
  }

  /** The same with a server that is already running; it is closed with the stage. */
  static async around<Server extends CapturedServer>(server: Server): Promise<Stage<Server>> {
    const stage = new Stage(await AwsPeer.start(), server);
    for (const arn of Object.values(SECRET)) stage.aws.addSecret(arn);
    stage.aws.tasks = [stage.task("one")];
    stage.aws.service = stage.service([stage.deployment()]);
    stage.aws.runTask = (input) => stage.#runTask(input);
    return stage;
  }

  close(): void {
    this.aws.close();
    this.server.close();
    this.container.close();
  }

  task(id: string, overrides: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      taskArn: `${ARN}:task/dbward-test/${id}`,
      taskDefinitionArn: TASK_DEFINITION,
      startedBy: DEPLOYMENT,
      lastStatus: "RUNNING",
      healthStatus: "HEALTHY",
      desiredStatus: "RUNNING",
      containers: [
        { name: "server", managedAgents: [{ name: "ExecuteCommandAgent", lastStatus: "RUNNING" }] },
      ],
      ...overrides,
    };
  }

  /** A task whose container stopped by itself; each later task stopped a second after the one before. */
  stoppedTask(id: string, overrides: Record<string, unknown> = {}): Record<string, unknown> {
    return this.task(id, {
      lastStatus: "STOPPED",
      desiredStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      stoppedAt: 1_767_225_600 + ++this.#stopped,
      stoppedReason: "Essential container in task exited",
      containers: [{ name: "server", exitCode: 1 }],
      ...overrides,
    });
  }

  /** One entry of `deployments` as DescribeServices has them, by default the one that the tasks belong to. */
  deployment(overrides: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      id: DEPLOYMENT,
      status: "PRIMARY",
      taskDefinition: TASK_DEFINITION,
      desiredCount: 1,
      pendingCount: 0,
      runningCount: 1,
      failedTasks: 0,
      createdAt: 1_767_225_600,
      updatedAt: 1_767_225_600,
      launchType: "FARGATE",
      platformVersion: "1.4.0",
      platformFamily: "Linux",
      rolloutState: "IN_PROGRESS",
      rolloutStateReason: `ECS deployment ${DEPLOYMENT} in progress.`,
      ...overrides,
    };
  }

  service(
    deployments: readonly Record<string, unknown>[],
    overrides: Record<string, unknown> = {},
  ): Record<string, unknown> {
    return {
      serviceArn: `${ARN}:service/dbward-test/server`,
      serviceName: "server",
      clusterArn: CLUSTER,
      status: "ACTIVE",
      desiredCount: 1,
      runningCount: 1,
      pendingCount: 0,
      taskDefinition: deployments[0]?.taskDefinition,
      deploymentConfiguration: {
        deploymentCircuitBreaker: { enable: true, rollback: false },
        maximumPercent: 100,
        minimumHealthyPercent: 0,
        strategy: "ROLLING",
      },
      deployments,
      events: [],
      ...overrides,
    };
  }

  properties(overrides: Partial<CaptureProperties> = {}): CaptureProperties {
    return {
      Cluster: CLUSTER,
      Service: "server",
      Container: "server",
      TaskDefinition: TASK_DEFINITION,
      StateDirectory: this.server.stateDirectory,
      Port: String(this.server.port),
      LogGroup: "/ecs/dbward-test/server",
      Method: "exec",
      AdminTokenSecret: SECRET.admin,
      AgentTokens: [
        { Agent: "ecs-agent", Secret: SECRET.agent, Source: "bootstrap" },
        { Agent: "payments", Secret: SECRET.payments, Source: "minted" },
      ],
      MetricsTokenSecret: SECRET.metrics,
      MetricsUser: "cloudwatch-poller",
      MetricsRole: "cloudwatch-metrics",
      AllowSessionLogging: "false",
      CaptureTask: {
        TaskDefinition: `${ARN}:task-definition/capture:1`,
        Container: "capture",
        Subnets: ["subnet-1"],
        SecurityGroups: ["sg-1"],
        AssignPublicIp: "DISABLED",
        ServerUrl: `http://127.0.0.1:${this.server.port}`,
        SecretsEndpoint: this.aws.endpoint,
        LogGroup: "/ecs/dbward-test/capture",
        LogStreamPrefix: "capture",
      },
      ...overrides,
    };
  }

  /** A new request, each with an id of its own. */
  event(
    RequestType: "Create" | "Update",
    overrides: Partial<CaptureProperties> = {},
    old: Partial<CaptureProperties> = {},
  ): CaptureEvent {
    return {
      RequestType,
      RequestId: `request-${++this.#requests}`,
      ResourceProperties: { ...this.properties(overrides) },
      ...(RequestType === "Update" ? { OldResourceProperties: { ...this.properties(old) } } : {}),
    };
  }

  tools(overrides: Partial<Tools> = {}): Tools {
    return {
      ecs: this.aws.ecs(),
      secrets: this.aws.secretsManager(),
      exec: this.container,
      logs: createLogReader(this.aws.clientConfig),
      logger: createLogger((line) => this.log.push(line)),
      deadline: Deadline.after(15_000),
      patience: {
        pollMs: 1,
        readyMs: 60_000,
        healthMs: 60_000,
        sessionMs: 10_000,
        serverSeconds: 2,
        stoppedTasks: 3,
        rightsMs: 200,
        otherRunMs: 5_000,
      },
      ...overrides,
    };
  }

  /** The command of a one-off task, run as ECS would: once for each client token. */
  readonly #startedTasks = new Map<string, Record<string, unknown>>();
  async #runTask(input: Record<string, unknown>): Promise<Record<string, unknown>> {
    const clientToken = String(input.clientToken);
    const known = this.#startedTasks.get(clientToken);
    if (known) return { tasks: [known] };
    const id = `capture-${this.#startedTasks.size + 1}`;
    const task = this.task(id, { startedBy: "capture-tokens", lastStatus: "PENDING", containers: [] });
    this.#startedTasks.set(clientToken, task);
    this.aws.tasks.push(task);
    const overrides = input.overrides as { containerOverrides: [{ command: [string] }] };
    void this.container
      .run(overrides.containerOverrides[0].command[0], "", {
        PATH: process.env.PATH,
        AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
        AWS_SESSION_TOKEN: CREDENTIALS.sessionToken,
      })
      .then(({ stdout, exitCode }) => {
        this.aws.logs.set(`capture/capture/${id}`, stdout.toString().trimEnd().split("\n"));
        Object.assign(task, { lastStatus: "STOPPED", containers: [{ name: "capture", exitCode }] });
      });
    return { tasks: [task] };
  }
}
