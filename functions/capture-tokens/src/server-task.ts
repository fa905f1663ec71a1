import {
  type Deployment,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import type { CaptureProperties } from "@dbward-aws/contract";
import { type DbwardError, Deadline } from "@dbward-aws/core";
import { ExecNotReady, ServerNotRunning, ServerStopped } from "./errors.ts";
import { quote } from "./quote.ts";
import { mustBeAllowed } from "./rights.ts";
import type { Tools } from "./tools.ts";

/** Lines of the server's log that an error quotes. */
const LAST_LOG_LINES = 8;
/** Events of the service that an error quotes, and characters of each. */
const LAST_EVENTS = 2;
const MAX_EVENT = 300;
/** Stopped tasks, newest first, whose logs are read. */
const LOGS_READ = 3;

/** The deployment that the capture waits for, as ECS describes it. */
interface Rollout {
  readonly service: Service;
  readonly deployment: Deployment;
}

/**
 * Waits for the server's task: with method `exec` for its exec agent, with method `task` for its health
 * check. Only tasks of the service's deployment of the expected task definition count, also when they stopped
 * before the capture began.
 *
 * @returns ARN of the task
 * @throws {@link ServerNotRunning} when the deployment fails (ECS's circuit breaker, or
 * `patience.stoppedTasks` stopped tasks), is replaced, or has no running or no healthy task before the
 * deadline
 * @throws {@link ServerStopped} when the desired count of the service is 0
 * @throws {@link ExecNotReady} when the task is running, but its exec agent is not
 * @throws {@link AccessRefused}
 */
export async function awaitServerTask(properties: CaptureProperties, tools: Tools): Promise<string> {
  const { deadline, patience } = tools;
  let running: Task | undefined;
  let readyDeadline: Deadline | undefined;
  let service: Service | undefined;
  let rollout: Rollout | undefined;

  const arn = await deadline.until(async () => {
    service = await describeService(properties, tools);
    const now = service && findRollout(service, properties.TaskDefinition);
    if (rollout && service && !now) throw await deploymentReplaced(rollout, service, properties, tools);
    rollout = now;
    if (!rollout) return undefined;
    if (rollout.service.desiredCount === 0 && rollout.deployment.status === "PRIMARY")
      throw new ServerStopped(properties.Cluster, properties.Service);

    const task = await findRunningTask(rollout, properties, tools);
    const hasFailed = rollout.deployment.rolloutState === "FAILED";
    if (task && isReady(task, properties) && (!hasFailed || task.healthStatus === "HEALTHY"))
      return task.taskArn;
    if (hasFailed) throw await deploymentFailed(rollout, properties, tools);
    if (!task) {
      await failOnCrashLoop(rollout, properties, tools);
      [running, readyDeadline] = [undefined, undefined];
      return undefined;
    }
    if (task.taskArn !== running?.taskArn) {
      const ready = properties.Method === "task" ? patience.healthMs : patience.readyMs;
      readyDeadline = Deadline.after(Math.min(ready, deadline.remaining));
    }
    running = task;
    if (readyDeadline?.passed) throw await notReady(task, properties, tools);
    return undefined;
  }, patience.pollMs);

  if (arn !== undefined) return arn;
  if (running) throw await notReady(running, properties, tools);
  const stopped = rollout ? await stoppedTasks(rollout, properties, tools) : [];
  const last = stopped[0] && `; the last task ended with ${describeStop(stopped[0], properties.Container)}`;
  throw new ServerNotRunning(
    "no task of the new task definition was running before the deadline; " +
      `${describeWait(properties, service, rollout)}${last ?? ""}`,
    await lastLogLines(stopped, properties, tools),
  );
}

/**
 * A server that has just started may stop at once: only a healthy one has written its files and keeps
 * running.
 */
function isReady(task: Task, { Method, Container }: CaptureProperties): boolean {
  return Method === "task" ? task.healthStatus === "HEALTHY" : isExecReady(task, Container);
}

async function notReady(task: Task, properties: CaptureProperties, tools: Tools): Promise<DbwardError> {
  if (properties.Method === "exec") return new ExecNotReady(describeExecAgent(task, properties.Container));
  return new ServerNotRunning(
    `its task is running, but the status of its health check is ${task.healthStatus ?? "missing"}`,
    await lastLogLines([task], properties, tools),
  );
}

/** The last part of a task's ARN. */
export function taskId(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/**
 * The newest deployment of the task definition: an older one of the same task definition may still be ending.
 */
function findRollout(service: Service, taskDefinition: string): Rollout | undefined {
  const deployments = service.deployments?.filter((each) => each.taskDefinition === taskDefinition) ?? [];
  const deployment = deployments.find(({ status }) => status === "PRIMARY") ?? deployments[0];
  return deployment && { service, deployment };
}

async function deploymentFailed(
  rollout: Rollout,
  properties: CaptureProperties,
  tools: Tools,
): Promise<ServerNotRunning> {
  const { rolloutStateReason, failedTasks } = rollout.deployment;
  const stopped = await stoppedTasks(rollout, properties, tools);
  const reason = rolloutStateReason || `${failedTasks ?? 0} tasks failed`;
  return new ServerNotRunning(
    [
      `its deployment failed (${reason.replace(/\.$/, "")})`,
      stopped[0]
        ? `the last task ended with ${describeStop(stopped[0], properties.Container)}`
        : describeEvents(rollout),
    ]
      .filter(Boolean)
      .join("; "),
    await lastLogLines(stopped, properties, tools),
  );
}

async function deploymentReplaced(
  before: Rollout,
  service: Service,
  properties: CaptureProperties,
  tools: Tools,
): Promise<ServerNotRunning> {
  const primary = service.deployments?.find(({ status }) => status === "PRIMARY");
  return new ServerNotRunning(
    `its deployment was replaced by one of ${primary?.taskDefinition ?? "no task definition"}, as in a ` +
      "rollback",
    await lastLogLines(await stoppedTasks(before, properties, tools), properties, tools),
  );
}

/** The state of the deployment at the end of the wait. */
function describeWait(
  { TaskDefinition, Service }: CaptureProperties,
  service: Service | undefined,
  rollout: Rollout | undefined,
): string {
  if (!service) return `there is no service ${Service}`;
  if (!rollout) return `the service has no deployment of ${TaskDefinition}`;
  const { rolloutState = "in an unknown state", failedTasks = 0 } = rollout.deployment;
  const pauses = service.deploymentConfiguration?.lifecycleHooks?.some(
    ({ targetType }) => targetType === "PAUSE",
  );
  return [
    `its deployment is ${rolloutState}, with ${failedTasks} failed tasks`,
    ...(pauses ? ["a lifecycle hook of the service pauses the deployment until it is continued"] : []),
    describeEvents(rollout),
  ]
    .filter(Boolean)
    .join("; ");
}

/** Events of the service since the deployment began, newest first, such as that ECS can't place a task. */
function describeEvents({ service, deployment }: Rollout): string {
  const since = deployment.createdAt?.getTime() ?? 0;
  const events = (service.events ?? []).filter(({ createdAt }) => (createdAt?.getTime() ?? 0) >= since);
  return events
    .slice(0, LAST_EVENTS)
    .map(({ message = "" }) => `ECS reports: ${quote(message, MAX_EVENT).replace(/\.$/, "")}`)
    .join("; ");
}

async function findRunningTask(
  { deployment }: Rollout,
  properties: CaptureProperties,
  tools: Tools,
): Promise<Task | undefined> {
  const tasks = (await listTasks(properties, tools, "RUNNING")).filter(
    (task) =>
      task.taskDefinitionArn === properties.TaskDefinition &&
      task.lastStatus === "RUNNING" &&
      task.desiredStatus !== "STOPPED",
  );
  // A task of an older deployment is about to be replaced.
  return tasks.find(({ startedBy }) => startedBy === deployment.id) ?? tasks[0];
}

async function failOnCrashLoop(rollout: Rollout, properties: CaptureProperties, tools: Tools): Promise<void> {
  const stopped = await stoppedTasks(rollout, properties, tools);
  const failures = Math.max(stopped.length, rollout.deployment.failedTasks ?? 0);
  if (failures < tools.patience.stoppedTasks) return;
  const end = stopped[0]
    ? `the last one with ${describeStop(stopped[0], properties.Container)}`
    : describeEvents(rollout);
  throw new ServerNotRunning(
    [`${failures} tasks stopped`, end].filter(Boolean).join(", "),
    await lastLogLines(stopped, properties, tools),
  );
}

/** Tasks of the deployment that stopped because they failed, newest first. */
async function stoppedTasks(
  { deployment }: Rollout,
  properties: CaptureProperties,
  tools: Tools,
): Promise<Task[]> {
  const tasks = await listTasks(properties, tools, "STOPPED");
  return tasks
    .filter(({ startedBy }) => startedBy === deployment.id)
    .filter(hasFailedItself)
    .sort((one, other) => stoppedAt(other) - stoppedAt(one));
}

function stoppedAt({ stoppedAt, stoppingAt }: Task): number {
  return (stoppedAt ?? stoppingAt)?.getTime() ?? 0;
}

/**
 * Not stopped by a user, by ECS to scale or replace it, or with its host. After a failed health check, ECS
 * stops the task.
 */
function hasFailedItself({ stopCode, stoppedReason = "" }: Task): boolean {
  if (stopCode === "ServiceSchedulerInitiated") return /health check/i.test(stoppedReason);
  return (
    stopCode === undefined || stopCode === "EssentialContainerExited" || stopCode === "TaskFailedToStart"
  );
}

/**
 * The last log lines of the newest of these tasks that has any. When they can't be read there are none,
 * because the error that would quote them matters more; the log says why.
 */
async function lastLogLines(
  tasks: readonly Task[],
  { LogGroup }: CaptureProperties,
  { logs, logger }: Tools,
): Promise<string[]> {
  for (const { taskArn } of tasks.slice(0, LOGS_READ)) {
    const task = taskId(taskArn!);
    const lines = await logs.lastLines(LogGroup, task, LAST_LOG_LINES).catch((error: unknown) => {
      logger.warn("capture.log-unreadable", { logGroup: LogGroup, task, error });
      return [];
    });
    if (lines.length > 0) return lines;
  }
  return [];
}

/** The service, or `undefined` when it does not exist yet: it may be created at the same time. */
async function describeService(
  { Cluster, Service }: CaptureProperties,
  tools: Tools,
): Promise<Service | undefined> {
  const describe = new DescribeServicesCommand({ cluster: Cluster, services: [Service] });
  const answer = await unlessMissing(
    mustBeAllowed("ecs:DescribeServices", () => tools.ecs.send(describe), tools),
  );
  return answer?.services?.find(({ status }) => status !== "INACTIVE");
}

async function listTasks(
  { Cluster, Service }: CaptureProperties,
  tools: Tools,
  desiredStatus: "RUNNING" | "STOPPED",
): Promise<Task[]> {
  const list = new ListTasksCommand({ cluster: Cluster, serviceName: Service, desiredStatus });
  const listed = await unlessMissing(mustBeAllowed("ecs:ListTasks", () => tools.ecs.send(list), tools));
  if (!listed?.taskArns?.length) return [];
  const describe = new DescribeTasksCommand({ cluster: Cluster, tasks: listed.taskArns });
  const described = await mustBeAllowed("ecs:DescribeTasks", () => tools.ecs.send(describe), tools);
  return described.tasks ?? [];
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (error instanceof Error && NOT_CREATED_YET.has(error.name)) return undefined;
    throw error;
  });
}

const NOT_CREATED_YET: ReadonlySet<string> = new Set([
  "ServiceNotFoundException",
  "ServiceNotActiveException",
  "ClusterNotFoundException",
]);

function execAgent(task: Task, container: string) {
  return task.containers
    ?.find(({ name }) => name === container)
    ?.managedAgents?.find(({ name }) => name === "ExecuteCommandAgent");
}

function isExecReady(task: Task, container: string): boolean {
  return execAgent(task, container)?.lastStatus === "RUNNING";
}

function describeExecAgent(task: Task, container: string): string {
  const agent = execAgent(task, container);
  if (!agent) return "the task has no ExecuteCommandAgent";
  return `ExecuteCommandAgent is ${agent.lastStatus}${agent.reason ? `, ${agent.reason}` : ""}`;
}

/** @returns such as `exit code 1, "Essential container in task exited"` */
export function describeStop(task: Task, container: string): string {
  const { exitCode, reason } = task.containers?.find(({ name }) => name === container) ?? {};
  return [
    exitCode === undefined ? "no exit code" : `exit code ${exitCode}`,
    ...[task.stoppedReason, reason].filter(Boolean).map((text) => JSON.stringify(text)),
  ].join(", ");
}
