import { randomUUID } from "node:crypto";
import { backOffMs } from "./back-off.ts";
import type { DeploymentRecord, ServiceRecord } from "./ecs-records.ts";
import type { RunningTask } from "./running-task.ts";

/** A message in the list of a service's events. */
export interface ServiceEvent {
  readonly id: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  readonly message: string;
}

/** What is to be done for a service now. */
export interface ServiceSteps {
  readonly start: readonly RunningTask[];
  /** Superseded tasks that can be spared. */
  readonly stop: readonly RunningTask[];
  /** The emulator has fewer tasks than the service wants, and it is time for another one. */
  readonly replace: boolean;
  /** Task definition to go back to, once. */
  readonly rollBackTo: string | undefined;
}

/**
 * The scheduler of one service, with the rules of ECS for rolling updates. The emulator's own scheduler deals
 * with records and is through at once; this one holds processes back:
 *
 * - no more tasks than `maximumPercent` of the wanted number, counting every one whose last process has not
 * ended;
 * - no fewer healthy ones than `minimumHealthyPercent`, as long as their successors aren't healthy;
 * - after failures it waits before it starts another task, and a circuit breaker ends a deployment that
 * fails.
 */
export class RunningService {
  readonly #completed = new Set<string>();
  readonly #failed = new Set<string>();
  readonly #events: ServiceEvent[] = [];
  readonly #deployments = new Map<string, DeploymentRecord>();
  #record: ServiceRecord;
  #failures = 0;
  #retryAt = 0;
  #lastGood: string | undefined;
  #rollBackTo: string | undefined;

  constructor(record: ServiceRecord) {
    this.#record = record;
    this.#note(record.deployments);
  }

  get record(): ServiceRecord {
    return this.#record;
  }

  /** The deployment that new tasks belong to. */
  get primary(): DeploymentRecord | undefined {
    return this.#record.deployments.find(({ status }) => status === "PRIMARY");
  }

  /** Newest first. */
  get events(): readonly ServiceEvent[] {
    return this.#events;
  }

  /** Tasks in a row that have not come up. */
  get failures(): number {
    return this.#failures;
  }

  /** Takes what the emulator says now. A new deployment starts without the failures of the former one. */
  update(record: ServiceRecord): void {
    const before = this.primary?.id;
    this.#record = record;
    this.#note(record.deployments);
    if (this.primary?.id === before) return;
    this.#failures = 0;
    this.#retryAt = 0;
  }

  /** A deployment as the emulator last had it, also one that it has dropped. */
  deployment(id: string): DeploymentRecord | undefined {
    return this.#deployments.get(id);
  }

  /** `rolloutState` of a deployment. */
  rolloutState(deploymentId: string): "IN_PROGRESS" | "COMPLETED" | "FAILED" {
    if (this.#failed.has(deploymentId)) return "FAILED";
    return this.#completed.has(deploymentId) ? "COMPLETED" : "IN_PROGRESS";
  }

  /**
   * @param tasks all tasks of the service that have not ended
   * @param now milliseconds, of the same clock as for {@link taskEnding}
   */
  next(tasks: readonly RunningTask[], now: number): ServiceSteps {
    const { serviceName, desiredCount, deploymentConfiguration = {} } = this.#record;
    const { maximumPercent = 200, minimumHealthyPercent = 100 } = deploymentConfiguration;
    const most = Math.max(1, Math.floor((desiredCount * maximumPercent) / 100));
    const least = Math.ceil((desiredCount * minimumHealthyPercent) / 100);

    const started = tasks.filter(({ status }) => status !== "PROVISIONING");
    const waiting = tasks.filter(({ status, cause }) => status === "PROVISIONING" && !cause);
    const start = now < this.#retryAt ? [] : waiting.slice(0, Math.max(0, most - started.length));

    const spare = Math.max(0, tasks.filter(({ healthy }) => healthy).length - least);
    const superseded = tasks.filter(({ superseded, cause }) => superseded && !cause);
    const useless = superseded.filter(({ healthy }) => !healthy);
    const stop = [...useless, ...superseded.filter(({ healthy }) => healthy).slice(0, spare)];

    for (const task of stop)
      this.#addEvent(`(service ${serviceName}) has stopped 1 running tasks: (task ${idOf(task)}).`);
    this.#settle(tasks);
    const wanted = tasks.filter(({ superseded, cause }) => !superseded && !cause).length;
    const failed = this.primary !== undefined && this.#failed.has(this.primary.id);
    const rollBackTo = this.#rollBackTo;
    this.#rollBackTo = undefined;
    return {
      start,
      stop,
      replace: wanted < desiredCount && !failed && now >= this.#retryAt,
      rollBackTo,
    };
  }

  /** Counts failures, and ends a deployment that has too many. Call it once for each task. */
  taskEnding(task: RunningTask, now: number): void {
    const isOwnFault = task.cause?.stopCode !== "UserInitiated";
    if (task.superseded || !isOwnFault || task.deploymentId !== this.primary?.id) return;
    this.#failures = task.cameUp ? 0 : this.#failures + 1;
    this.#retryAt = now + backOffMs(this.#failures);
    const { serviceName } = this.#record;
    this.#addEvent(`(service ${serviceName}) (task ${idOf(task)}) stopped: ${task.cause?.stoppedReason}`);
    if (this.#retryAt > now)
      this.#addEvent(
        `(service ${serviceName}) is unable to consistently start tasks successfully. ${this.#failures} failed in a row; the next one starts in ${(this.#retryAt - now) / 1000} s.`,
      );
    this.#breakCircuit();
  }

  taskStarted(task: RunningTask): void {
    this.#addEvent(`(service ${this.#record.serviceName}) has started 1 tasks: (task ${idOf(task)}).`);
  }

  /** A deployment is complete when all its tasks are healthy and those of the former one have ended. */
  #settle(tasks: readonly RunningTask[]): void {
    const { primary } = this;
    if (!primary || this.rolloutState(primary.id) !== "IN_PROGRESS") return;
    const own = tasks.filter((task) => task.deploymentId === primary.id && !task.superseded);
    const healthy = own.filter((task) => task.healthy);
    if (healthy.length < this.#record.desiredCount || own.length < tasks.length) return;
    this.#completed.add(primary.id);
    this.#lastGood = primary.taskDefinition;
    this.#failures = 0;
    const { serviceName } = this.#record;
    this.#addEvent(`(service ${serviceName}) (deployment ${primary.id}) deployment completed.`);
    this.#addEvent(`(service ${serviceName}) has reached a steady state.`);
  }

  #breakCircuit(): void {
    const { deploymentCircuitBreaker: breaker } = this.#record.deploymentConfiguration ?? {};
    const { primary } = this;
    if (!breaker?.enable || !primary || this.rolloutState(primary.id) !== "IN_PROGRESS") return;
    if (this.#failures < Math.min(200, Math.max(3, Math.ceil(this.#record.desiredCount / 2)))) return;
    this.#failed.add(primary.id);
    this.#addEvent(
      `(service ${this.#record.serviceName}) (deployment ${primary.id}) deployment failed: tasks failed to start.`,
    );
    if (!breaker.rollback || !this.#lastGood || this.#lastGood === primary.taskDefinition) return;
    this.#rollBackTo = this.#lastGood;
    this.#addEvent(
      `(service ${this.#record.serviceName}) rolling back to ${this.#lastGood.split("/").at(-1)}.`,
    );
  }

  #note(deployments: readonly DeploymentRecord[]): void {
    for (const deployment of deployments) this.#deployments.set(deployment.id, deployment);
  }

  #addEvent(message: string): void {
    this.#events.unshift({ id: randomUUID(), createdAt: Date.now() / 1000, message });
    this.#events.length = Math.min(this.#events.length, MOST_EVENTS);
  }
}

function idOf({ arn }: RunningTask): string {
  return arn.split("/").at(-1)!;
}

/** As many as `DescribeServices` shows. */
const MOST_EVENTS = 100;
