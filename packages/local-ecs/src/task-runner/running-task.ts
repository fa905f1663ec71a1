import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { describeError, type Logger } from "@dbward-aws/core";
import { ContainerProcess } from "./container-process.ts";
import type { TaskRecord } from "./ecs-records.ts";
import { TaskStartFailed } from "./errors.ts";
import { HealthCheck, type HealthStatus } from "./health-check.ts";
import { LogStream } from "./log-stream.ts";
import type { ProcessList } from "./process-list.ts";
import type { TaskDefinition } from "./task-definition.ts";
import type { UnreachedTarget } from "./task-network.ts";
import { type ContainerPlan, planTask, type TaskSurroundings, taskFolder } from "./task-plan.ts";
import type { TaskRights } from "./task-rights.ts";

/** `lastStatus` of a task, as far as it goes through these states here. */
export type TaskStatus = "PROVISIONING" | "PENDING" | "RUNNING" | "STOPPING" | "STOPPED";

/** Why a task has ended or is to end, in the words of ECS. */
export interface StopCause {
  readonly stopCode:
    | "EssentialContainerExited"
    | "TaskFailedToStart"
    | "UserInitiated"
    | "ServiceSchedulerInitiated";
  readonly stoppedReason: string;
}

export interface RunningTaskOptions {
  readonly surroundings: TaskSurroundings;
  /** Whose right to start is judged, and whose rights the task has. */
  readonly rights: TaskRights;
  readonly processes: ProcessList;
  readonly logger: Logger;
  /** Milliseconds between RUNNING and a running ExecuteCommandAgent. */
  readonly execAgentDelayMs: number;
  /** Load balancers of its service. @default - none */
  readonly loadBalancing?: LoadBalancing;
  /** Called when the task has reached a status, once for each. */
  readonly onStatus: (task: RunningTask) => void;
  /** Called after every other change. */
  readonly onChange: (task: RunningTask) => void;
}

/** What load balancers have to do with a task. */
export interface LoadBalancing {
  /** @returns `undefined` when all reach it */
  readonly unreachable: (task: RunningTask) => Promise<UnreachedTarget | undefined>;
  /** Seconds that a task has before it must be reached. */
  readonly graceSeconds: number;
}

/** One container, as `DescribeTasks` shows it. */
interface RunningContainer {
  readonly plan: ContainerPlan;
  readonly process: ContainerProcess;
  readonly log: LogStream | undefined;
  readonly healthCheck: HealthCheck | undefined;
  health: HealthStatus;
  exitCode: number | undefined;
}

/**
 * One task: its containers as processes, from their start to the end of the last one. It starts once, and
 * every way of ending goes through {@link stop}.
 */
export class RunningTask {
  /** The record as it was when the task was first seen. */
  readonly record: TaskRecord;
  readonly definition: TaskDefinition;
  /** ECS Exec works in this task. */
  readonly execEnabled: boolean;
  /** Id of the deployment that started it; `undefined` for a task of no service. */
  readonly deploymentId: string | undefined;
  /** The emulator has replaced it; it goes on until the service can spare it. */
  superseded: StopCause | undefined;
  readonly #options: RunningTaskOptions;
  readonly #containers = new Map<string, RunningContainer>();
  #status: TaskStatus = "PROVISIONING";
  #cause: StopCause | undefined;
  #startedAt: number | undefined;
  #stoppingAt: number | undefined;
  #stoppedAt: number | undefined;
  #execAgentStartedAt: number | undefined;
  #logs: CloudWatchLogsClient | undefined;
  #wasHealthy = false;
  #isReached: boolean;
  #starting: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;

  constructor(
    record: TaskRecord,
    definition: TaskDefinition,
    execEnabled: boolean,
    options: RunningTaskOptions,
  ) {
    this.record = record;
    this.definition = definition;
    this.execEnabled = execEnabled;
    this.deploymentId = record.startedBy?.startsWith(DEPLOYMENT_ID_PREFIX) ? record.startedBy : undefined;
    this.#options = options;
    this.#isReached = options.loadBalancing === undefined;
  }

  get arn(): string {
    return this.record.taskArn;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  /** Why it ends or has ended; `undefined` while it is to run. */
  get cause(): StopCause | undefined {
    return this.#cause;
  }

  /** Seconds since 1970. */
  get times() {
    return { startedAt: this.#startedAt, stoppingAt: this.#stoppingAt, stoppedAt: this.#stoppedAt };
  }

  /** Seconds since 1970; `undefined` while no command can be run in it. */
  get execAgentStartedAt(): number | undefined {
    return this.#execAgentStartedAt;
  }

  /** Whether the agent of ECS Exec can open its channels with the task's role. */
  canOpenExecChannels(): Promise<boolean> {
    return this.#options.rights.canOpenExecChannels();
  }

  /**
   * It waits until the rules of its service's deployment allow it to start; ECS makes such a task only then.
   */
  get heldBack(): boolean {
    return this.#status === "PROVISIONING" && this.deploymentId !== undefined;
  }

  /**
   * RUNNING, reached by its load balancers, and all its health checks say so too; without any, it must have
   * been running for a moment.
   */
  get healthy(): boolean {
    if (this.#status !== "RUNNING" || !this.#isReached) return false;
    return this.#hasHealthChecks ? this.health === "HEALTHY" : this.#secondsRunning >= STEADY_SECONDS;
  }

  /** It came up: it was healthy once, or without a health check it ran for a while. */
  get cameUp(): boolean {
    return this.#hasHealthChecks ? this.#wasHealthy : this.#secondsRunning >= QUICK_FAILURE_SECONDS;
  }

  /** Health of the task: the worst of its containers that have a health check. */
  get health(): HealthStatus {
    const checked = [...this.#containers.values()].filter(({ healthCheck }) => healthCheck);
    if (checked.some(({ health }) => health === "UNHEALTHY")) return "UNHEALTHY";
    return checked.length > 0 && checked.every(({ health }) => health === "HEALTHY") ? "HEALTHY" : "UNKNOWN";
  }

  /** A container's present state; `undefined` before its process was started. */
  container(
    name: string,
  ): { plan: ContainerPlan; health: HealthStatus; exitCode: number | undefined } | undefined {
    return this.#containers.get(name);
  }

  /** Starts the containers, in the order of the task definition. What goes wrong ends the task. */
  start(): void {
    if (this.#status !== "PROVISIONING") return;
    this.#become("PENDING");
    this.#starting = this.#start().catch((error: unknown) => {
      const known = error instanceof TaskStartFailed;
      if (!known) this.#options.logger.error("task.start-failed", { task: this.arn, error });
      void this.stop({
        stopCode: "TaskFailedToStart",
        stoppedReason: known ? error.message : `ResourceInitializationError: ${describeError(error)}`,
      });
    });
  }

  /**
   * Ends all containers: SIGTERM, and SIGKILL after the stop timeout of each. Resolves when all have ended.
   *
   * @param mostSeconds a shorter stop timeout, when there is no time
   */
  stop(cause: StopCause, mostSeconds = LONGEST_STOP_TIMEOUT_SECONDS): Promise<void> {
    this.#ending ??= this.#stop(cause, mostSeconds);
    return this.#ending;
  }

  async #start(): Promise<void> {
    const { processes } = this.#options;
    const plans = await this.#plan();
    for (const plan of plans) {
      if (this.#cause) return;
      const log = await this.#openLog(plan);
      const process = await ContainerProcess.start({ ...plan, onLine: (line) => log?.write(line) });
      processes.add(process.pid);
      this.#watch({ plan, process, log, healthCheck: undefined, health: "UNKNOWN", exitCode: undefined });
    }
    if (this.#cause) return;
    this.#startedAt = Date.now() / 1000;
    this.#become("RUNNING");
    void this.#watchLoadBalancers();
    if (this.execEnabled) setTimeout(() => this.#startExecAgent(), this.#options.execAgentDelayMs);
  }

  /** Does what ECS does before it starts a container, in this order. */
  async #plan(): Promise<ContainerPlan[]> {
    const { surroundings, rights } = this.#options;
    await rights.check();
    for (const volume of this.definition.volumes) await rights.checkMount(volume);
    const sources = rights.sources();
    try {
      const grants = { secrets: sources, session: rights.session };
      return await planTask(this.record, this.definition, surroundings, grants);
    } finally {
      sources.close();
    }
  }

  #openLog({ definition }: ContainerPlan): Promise<LogStream | undefined> {
    const { rights, logger } = this.#options;
    const taskId = this.arn.split("/").at(-1)!;
    this.#logs ??= rights.logs();
    return LogStream.open(this.#logs, definition, taskId, (error) =>
      logger.warn("task.log-lost", { task: this.arn, error }),
    );
  }

  #watch(started: RunningContainer): void {
    const { plan, process } = started;
    const { definition, healthCheckWords: words } = plan;
    const container: RunningContainer = {
      ...started,
      healthCheck:
        words &&
        definition.healthCheck &&
        new HealthCheck({
          ...plan,
          words,
          definition: definition.healthCheck,
          onStatus: (status) => this.#healthChanged(container, status),
        }),
    };
    this.#containers.set(definition.name, container);
    void process.ended.then((exitCode) => this.#containerEnded(container, exitCode));
  }

  #healthChanged(container: RunningContainer, status: HealthStatus): void {
    container.health = status;
    this.#wasHealthy ||= this.health === "HEALTHY";
    this.#options.logger.info("task.health", {
      task: this.arn,
      container: container.plan.definition.name,
      status,
    });
    this.#options.onChange(this);
    const isOfService = this.record.group?.startsWith("service:");
    if (status === "UNHEALTHY" && container.plan.definition.essential !== false && isOfService)
      void this.stop({
        stopCode: "ServiceSchedulerInitiated",
        stoppedReason: "Task failed container health checks",
      });
  }

  #containerEnded(container: RunningContainer, exitCode: number): void {
    container.exitCode = exitCode;
    container.healthCheck?.close();
    this.#options.processes.remove(container.process.pid);
    this.#options.onChange(this);
    const over = [...this.#containers.values()].every((it) => it.exitCode !== undefined);
    if (container.plan.definition.essential !== false || over)
      void this.stop({
        stopCode: "EssentialContainerExited",
        stoppedReason: "Essential container in task exited",
      });
  }

  /**
   * The health checks of load balancers: here they find out whether a way is open, not what the server
   * answers.
   */
  async #watchLoadBalancers(): Promise<void> {
    const { loadBalancing } = this.#options;
    if (!loadBalancing) return;
    let reachedAt = this.#secondsRunning;
    while (this.#status === "RUNNING") {
      const unreached = await loadBalancing.unreachable(this).catch(() => undefined);
      if (!unreached) reachedAt = this.#secondsRunning;
      if (this.#isReached !== (unreached === undefined)) {
        this.#isReached = !this.#isReached;
        this.#options.onChange(this);
      }
      const countFrom = Math.max(reachedAt, loadBalancing.graceSeconds);
      if (unreached && this.#secondsRunning > countFrom + unreached.patienceSeconds)
        void this.stop({
          stopCode: "ServiceSchedulerInitiated",
          stoppedReason: `Task failed ELB health checks in (target-group ${unreached.targetGroup})`,
        });
      await delay(CHECK_INTERVAL_MS, undefined, { ref: false });
    }
  }

  #startExecAgent(): void {
    if (this.#status !== "RUNNING") return;
    this.#execAgentStartedAt = Date.now() / 1000;
    this.#options.onChange(this);
  }

  async #stop(cause: StopCause, mostSeconds: number): Promise<void> {
    this.#cause = cause;
    this.#stoppingAt = Date.now() / 1000;
    this.#become("STOPPING");
    await this.#starting;
    const containers = [...this.#containers.values()];
    await Promise.all(
      containers.map(async ({ plan, process, log }) => {
        await process.stop(Math.min(plan.definition.stopTimeout ?? 30, mostSeconds));
        await log?.close();
      }),
    );
    this.#options.surroundings.network.release(this.arn);
    this.#logs?.destroy();
    // Its output is in the log, and its files are not needed any more.
    await rm(taskFolder(this.#options.surroundings.directory, this.arn), { recursive: true, force: true });
    this.#stoppedAt = Date.now() / 1000;
    this.#become("STOPPED");
  }

  get #secondsRunning(): number {
    return this.#startedAt === undefined ? 0 : (this.#stoppedAt ?? Date.now() / 1000) - this.#startedAt;
  }

  get #hasHealthChecks(): boolean {
    return this.definition.containerDefinitions.some(
      ({ healthCheck }) => healthCheck && healthCheck.command[0] !== "NONE",
    );
  }

  #become(status: TaskStatus): void {
    this.#status = status;
    this.#options.logger.info("task.status", {
      task: this.arn,
      service: this.record.group,
      status,
      ...(this.#cause ? { reason: this.#cause.stoppedReason } : {}),
    });
    this.#options.onStatus(this);
  }
}

/** Ids of deployments, which `startedBy` of a service's tasks holds. */
const DEPLOYMENT_ID_PREFIX = "ecs-svc/";
/** A program that fails at once is RUNNING for a moment too. */
const STEADY_SECONDS = 1;
/** A task without a health check that ends sooner than this has not come up. */
const QUICK_FAILURE_SECONDS = 10;
const CHECK_INTERVAL_MS = 1_000;
/** What Fargate allows. */
const LONGEST_STOP_TIMEOUT_SECONDS = 120;
