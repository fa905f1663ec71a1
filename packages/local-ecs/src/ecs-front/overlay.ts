import type { RunningService, RunningTask, TaskRunner } from "../task-runner/index.ts";
import { EcsRefusal } from "./ecs-refusal.ts";
import { runtimeId } from "./runtime-id.ts";

/** An answer of ECS, or a part of it. */
export type EcsObject = Record<string, unknown>;

/**
 * Lays what is really running over an answer of the emulated ECS, in place: tasks, services and clusters,
 * wherever its operations return them.
 */
export function layOver(answer: EcsObject, runner: TaskRunner): void {
  for (const task of objects(answer.task, answer.tasks)) overlayTask(task, runner);
  for (const service of objects(answer.service, answer.services)) overlayService(service, runner);
  for (const cluster of objects(answer.cluster, answer.clusters)) overlayCluster(cluster, runner);
}

/**
 * The list of tasks with those in place that the emulator holds for ended and that a service still needs, and
 * without those that a deployment has yet to make room for.
 *
 * @param request of `ListTasks`
 */
export function layOverTaskList(answer: EcsObject, request: EcsObject, runner: TaskRunner): void {
  const waiting = new Set(runner.tasks.filter(({ heldBack }) => heldBack).map(({ arn }) => arn));
  const listed = (Array.isArray(answer.taskArns) ? answer.taskArns.map(String) : []).filter(
    (arn) => !waiting.has(arn),
  );
  const held = runner.tasks.filter(({ superseded, cause }) => superseded && !cause);
  const heldArns = new Set(held.map(({ arn }) => arn));
  if (request.desiredStatus === "STOPPED") answer.taskArns = listed.filter((arn) => !heldArns.has(arn));
  else if (answer.nextToken !== undefined) answer.taskArns = listed;
  else answer.taskArns = [...listed, ...held.filter((task) => matches(task, request)).map(({ arn }) => arn)];
}

/**
 * What ECS refuses of a list of tasks, by the reference of `ListTasks`.
 *
 * @throws EcsRefusal
 */
export function checkTaskFilters({ startedBy, ...request }: EcsObject): void {
  const others = ["containerInstance", "desiredStatus", "family", "launchType", "serviceName"];
  if (startedBy && others.some((filter) => request[filter]))
    throw new EcsRefusal(
      "InvalidParameterException",
      "When you specify startedBy as the filter, it must be the only filter that you use.",
    );
}

function matches({ record, definition }: RunningTask, request: EcsObject): boolean {
  const { cluster = "default", serviceName, family, startedBy } = request;
  return (
    record.clusterArn.split("/").at(-1) === String(cluster).split("/").at(-1) &&
    (!serviceName || record.group === `service:${String(serviceName).split("/").at(-1)}`) &&
    (!family || definition.family === family) &&
    (!startedBy || record.startedBy === startedBy)
  );
}

function overlayTask(answer: EcsObject, runner: TaskRunner): void {
  const task = runner.task(String(answer.taskArn));
  if (!task) {
    // The record is there before the runner has seen it.
    if (answer.lastStatus !== "STOPPED") Object.assign(answer, notStarted(answer));
    return;
  }
  const { status, cause, times } = task;
  const ended = status === "STOPPED";
  Object.assign(answer, {
    lastStatus: status,
    desiredStatus: cause ? "STOPPED" : "RUNNING",
    healthStatus: task.health,
    containers: objects(answer.containers).map((container) => overlayContainer(container, task)),
  });
  setTimes(answer, times);
  setOrDelete(answer, "stopCode", cause?.stopCode);
  setOrDelete(answer, "stoppedReason", cause?.stoppedReason);
  setOrDelete(answer, "executionStoppedAt", ended ? times.stoppedAt : undefined);
}

function overlayContainer(container: EcsObject, task: RunningTask): EcsObject {
  const running = task.container(String(container.name));
  const lastStatus =
    running?.exitCode !== undefined || task.status === "STOPPED" ? "STOPPED" : containerStatus(task);
  const { exitCode: _, ...rest } = container;
  return {
    ...rest,
    lastStatus,
    ...(running ? { runtimeId: runtimeId(task, String(container.name)) } : {}),
    healthStatus: running?.health ?? "UNKNOWN",
    ...(running?.exitCode === undefined ? {} : { exitCode: running.exitCode }),
    ...(task.execEnabled ? { managedAgents: [execAgent(task, lastStatus)] } : {}),
  };
}

function containerStatus({ status }: RunningTask): string {
  return status === "RUNNING" || status === "STOPPING" ? "RUNNING" : "PENDING";
}

function execAgent(task: RunningTask, containerStatus: string): EcsObject {
  const startedAt = task.execAgentStartedAt;
  const lastStatus = containerStatus === "STOPPED" ? "STOPPED" : startedAt ? "RUNNING" : "PENDING";
  return { name: "ExecuteCommandAgent", lastStatus, ...(startedAt ? { lastStartedAt: startedAt } : {}) };
}

function notStarted({ containers }: EcsObject): EcsObject {
  return {
    lastStatus: "PROVISIONING",
    startedAt: undefined,
    containers: objects(containers).map((container) => ({ ...container, lastStatus: "PENDING" })),
  };
}

function overlayService(answer: EcsObject, runner: TaskRunner): void {
  const service = runner.service(String(answer.serviceArn));
  const tasks = runner.tasksOf(String(answer.serviceArn));
  Object.assign(answer, counts(tasks));
  if (!service) {
    // The record is there before the runner has seen it; a deleted one has no tasks to show.
    if (answer.status === "ACTIVE") answer.deployments = objects(answer.deployments).map(notBegun);
    return;
  }
  answer.events = service.events;
  answer.enableExecuteCommand = answer.enableExecuteCommand === true || tasks.some((it) => it.execEnabled);
  answer.deployments = overlayDeployments(objects(answer.deployments), service, tasks);
}

function notBegun(deployment: EcsObject): EcsObject {
  return { ...deployment, ...counts([]), rolloutState: "IN_PROGRESS", rolloutStateReason: "" };
}

/** A deployment whose tasks are still there goes on being listed, although the emulator has dropped it. */
function overlayDeployments(
  deployments: readonly EcsObject[],
  service: RunningService,
  tasks: readonly RunningTask[],
): EcsObject[] {
  const listed = deployments.map((deployment) => overlayDeployment(deployment, service, tasks));
  const ids = new Set(deployments.map(({ id }) => id));
  const dropped = tasks.filter(({ deploymentId }) => deploymentId !== undefined && !ids.has(deploymentId));
  const former = [...new Set(dropped.map(({ deploymentId }) => deploymentId))].map((id) => {
    const own = dropped.filter(({ deploymentId }) => deploymentId === id);
    const { taskDefinitionArn: taskDefinition } = own[0]!.record;
    const known = service.deployment(id!) ?? { id, taskDefinition, failedTasks: 0 };
    return overlayDeployment({ ...known, status: "ACTIVE", desiredCount: 0 }, service, own);
  });
  return [...listed, ...former];
}

function overlayDeployment(
  deployment: EcsObject,
  service: RunningService,
  tasks: readonly RunningTask[],
): EcsObject {
  const id = String(deployment.id);
  const state = service.rolloutState(id);
  const reasons = {
    COMPLETED: `ECS deployment ${id} completed.`,
    FAILED: `ECS deployment ${id} failed: tasks failed to start.`,
    IN_PROGRESS: `ECS deployment ${id} in progress.`,
  };
  return {
    ...deployment,
    ...counts(tasks.filter(({ deploymentId }) => deploymentId === id)),
    rolloutState: state,
    rolloutStateReason: reasons[state],
    ...(deployment.status === "PRIMARY" ? { failedTasks: service.failures } : {}),
  };
}

function overlayCluster(answer: EcsObject, runner: TaskRunner): void {
  const tasks = runner.tasks.filter(({ record }) => record.clusterArn === answer.clusterArn);
  const { runningCount, pendingCount } = counts(tasks);
  Object.assign(answer, { runningTasksCount: runningCount, pendingTasksCount: pendingCount });
}

function counts(tasks: readonly RunningTask[]): { runningCount: number; pendingCount: number } {
  return {
    runningCount: tasks.filter(({ status }) => status === "RUNNING").length,
    pendingCount: tasks.filter(
      ({ status, heldBack }) => !heldBack && (status === "PROVISIONING" || status === "PENDING"),
    ).length,
  };
}

function setTimes(answer: EcsObject, times: RunningTask["times"]): void {
  for (const [name, time] of Object.entries(times)) setOrDelete(answer, name, time);
}

function setOrDelete(answer: EcsObject, name: string, value: unknown): void {
  if (value === undefined) delete answer[name];
  else answer[name] = value;
}

function objects(...values: unknown[]): EcsObject[] {
  return values.flat().filter((value): value is EcsObject => typeof value === "object" && value !== null);
}
