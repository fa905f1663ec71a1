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
const LAST_WORDS = 8;
/** Events of the service that an error quotes, and their characters. */
const LAST_EVENTS = 2;
const MAX_EVENT = 300;
/** Stopped tasks, newest first, whose logs are looked into for lines. */
const LOGS_READ = 3;

/** What ECS says of the deployment that the capture waits for. */
interface Rollout {
  readonly service: Service;
  readonly deployment: Deployment;
}

/**
 * Waits for the server's task: with method `exec` for its exec agent, with method `task` for its health. Which tasks count is told by the
 * service's deployment of the expected task definition, not by when they ran: a task may have stopped before the capture began.
 *
 * @returns ARN of the task
 * @throws {@link ServerNotRunning} when the deployment fails (ECS's circuit breaker, or so many stopped tasks), is replaced, or brings up
 * no task, or no healthy one, before the deadline
 * @throws {@link ServerStopped} when the service is to run no task
 * @throws {@link ExecNotReady} when the task runs and its exec agent doesn't
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
    if (rollout && service && !now) throw await replaced(rollout, service, properties, tools);
    rollout = now;
    if (!rollout) return undefined;
    if (rollout.service.desiredCount === 0 && rollout.deployment.status === "PRIMARY")
      throw new ServerStopped(properties.Cluster, properties.Service);

    const task = await findRunningTask(rollout, properties, tools);
    const failed = rollout.deployment.rolloutState === "FAILED";
    if (task && isReady(task, properties) && (!failed || task.healthStatus === "HEALTHY"))
      return task.taskArn;
    if (failed) throw await gaveUp(rollout, properties, tools);
    if (!task) {
      await refuseCrashLoop(rollout, properties, tools);
      [running, readyDeadline] = [undefined, undefined];
      return undefined;
    }
    if (task.taskArn !== running?.taskArn) {
      readyDeadline = Deadline.after(Math.min(patience.readyMs, deadline.remaining));
    }
    running = task;
    if (readyDeadline?.passed) throw await notReady(task, properties, tools);
    return undefined;
  }, patience.pollMs);

  if (arn !== undefined) return arn;
  if (running) throw await notReady(running, properties, tools);
  const seen = describeWait(properties, service, rollout);
  throw new ServerNotRunning(
    `no task of the new task definition was RUNNING before the deadline; ${seen}`,
    rollout && (await lastWords(await stoppedTasks(rollout, properties, tools), properties, tools)),
  );
}

/** A server that has just started may end at once: only a healthy one has written its files, and keeps running. */
function isReady(task: Task, { Method, Container }: CaptureProperties): boolean {
  return Method === "task" ? task.healthStatus === "HEALTHY" : isExecReady(task, Container);
}

async function notReady(task: Task, properties: CaptureProperties, tools: Tools): Promise<DbwardError> {
  if (properties.Method === "exec") return new ExecNotReady(describeExecAgent(task, properties.Container));
  return new ServerNotRunning(
    `its task runs, and its health check says ${task.healthStatus ?? "nothing"}`,
    await lastWords([task], properties, tools),
  );
}

/** The last part of a task's ARN. */
export function taskId(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/** The newest deployment of the task definition: a former one with the same one may be there while it ends. */
function findRollout(service: Service, taskDefinition: string): Rollout | undefined {
  const deployments = service.deployments?.filter((each) => each.taskDefinition === taskDefinition) ?? [];
  const deployment = deployments.find(({ status }) => status === "PRIMARY") ?? deployments[0];
  return deployment && { service, deployment };
}

async function gaveUp(
  rollout: Rollout,
  properties: CaptureProperties,
  tools: Tools,
): Promise<ServerNotRunning> {
  const { rolloutStateReason, failedTasks } = rollout.deployment;
  const stopped = await stoppedTasks(rollout, properties, tools);
  const reason = rolloutStateReason || `${failedTasks ?? 0} tasks failed`;
  return new ServerNotRunning(
    [
      `ECS gave its deployment up (${reason.replace(/\.$/, "")})`,
      stopped[0]
        ? `the last task ended with ${describeStop(stopped[0], properties.Container)}`
        : describeEvents(rollout),
    ]
      .filter(Boolean)
      .join("; "),
    await lastWords(stopped, properties, tools),
  );
}

async function replaced(
  before: Rollout,
  service: Service,
  properties: CaptureProperties,
  tools: Tools,
): Promise<ServerNotRunning> {
  const primary = service.deployments?.find(({ status }) => status === "PRIMARY");
  return new ServerNotRunning(
    `its deployment was replaced by one of ${primary?.taskDefinition ?? "no task definition"}, as after a rollback`,
    await lastWords(await stoppedTasks(before, properties, tools), properties, tools),
  );
}

/** What has become of the deployment so far, for the one who waited for it. */
function describeWait(
  { TaskDefinition, Service }: CaptureProperties,
  service: Service | undefined,
  rollout: Rollout | undefined,
): string {
  if (!service) return `there is no service ${Service}`;
  if (!rollout) return `the service has no deployment of ${TaskDefinition}`;
  const { rolloutState = "of unknown state", failedTasks = 0 } = rollout.deployment;
  const pauses = service.deploymentConfiguration?.lifecycleHooks?.some(
    ({ targetType }) => targetType === "PAUSE",
  );
  return [
    `its deployment is ${rolloutState}, with ${failedTasks} failed tasks`,
    ...(pauses ? ["a lifecycle hook of the service pauses deployments until they are continued"] : []),
    describeEvents(rollout),
  ]
    .filter(Boolean)
    .join("; ");
}

/** What ECS said since the deployment began, newest first, such as that it can't place a task. */
function describeEvents({ service, deployment }: Rollout): string {
  const since = deployment.createdAt?.getTime() ?? 0;
  const events = (service.events ?? []).filter(({ createdAt }) => (createdAt?.getTime() ?? 0) >= since);
  return events
    .slice(0, LAST_EVENTS)
    .map(({ message = "" }) => `ECS says: ${quote(message, MAX_EVENT).replace(/\.$/, "")}`)
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
  // One of a former deployment is about to be replaced.
  return tasks.find(({ startedBy }) => startedBy === deployment.id) ?? tasks[0];
}

async function refuseCrashLoop(rollout: Rollout, properties: CaptureProperties, tools: Tools): Promise<void> {
  const stopped = await stoppedTasks(rollout, properties, tools);
  const failures = Math.max(stopped.length, rollout.deployment.failedTasks ?? 0);
  if (failures < tools.patience.stoppedTasks) return;
  const end = stopped[0]
    ? `the last one with ${describeStop(stopped[0], properties.Container)}`
    : describeEvents(rollout);
  throw new ServerNotRunning(
    [`${failures} tasks stopped`, end].filter(Boolean).join(", "),
    await lastWords(stopped, properties, tools),
  );
}

/** Tasks of the deployment that stopped by a fault of their own, newest first. */
async function stoppedTasks(
  { deployment }: Rollout,
  properties: CaptureProperties,
  tools: Tools,
): Promise<Task[]> {
  const tasks = await listTasks(properties, tools, "STOPPED");
  return tasks
    .filter(({ startedBy }) => startedBy === deployment.id)
    .filter(isOwnFault)
    .sort((one, other) => stoppedAt(other) - stoppedAt(one));
}

function stoppedAt({ stoppedAt, stoppingAt }: Task): number {
  return (stoppedAt ?? stoppingAt)?.getTime() ?? 0;
}

/** Not stopped by somebody, by ECS to scale or replace it, or with its host. A failed health check is ECS's own reason, too. */
function isOwnFault({ stopCode, stoppedReason = "" }: Task): boolean {
  if (stopCode === "ServiceSchedulerInitiated") return /health check/i.test(stoppedReason);
  return (
    stopCode === undefined || stopCode === "EssentialContainerExited" || stopCode === "TaskFailedToStart"
  );
}

/** Last lines of the newest of these tasks that logged some. Without the right to read them, or a log, there are none. */
async function lastWords(
  tasks: readonly Task[],
  { LogGroup }: CaptureProperties,
  { logs }: Tools,
): Promise<string[]> {
  for (const { taskArn } of tasks.slice(0, LOGS_READ)) {
    const lines = await logs.lastLines(LogGroup, taskId(taskArn!), LAST_WORDS).catch(() => []);
    if (lines.length > 0) return lines;
  }
  return [];
}

/** The service; one that isn't there yet is created at the same time. */
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
    if (error instanceof Error && NOT_THERE_YET.has(error.name)) return undefined;
    throw error;
  });
}

const NOT_THERE_YET: ReadonlySet<string> = new Set([
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
