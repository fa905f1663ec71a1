import { DescribeTasksCommand, type ECSClient, ListTasksCommand, type Task } from "@aws-sdk/client-ecs";
import type { CaptureProperties } from "@dbward-aws/contract";
import { type DbwardError, Deadline } from "@dbward-aws/core";
import { ExecNotReady, ServerNotRunning } from "./errors.ts";
import type { Tools } from "./tools.ts";

/** Lines of the server's log that an error quotes. */
const LAST_WORDS = 8;

/**
 * Waits for the server's task: with method `exec` for its exec agent, with method `task` for its health.
 *
 * @returns ARN of the task
 * @throws {@link ServerNotRunning} when tasks stop again and again, or none runs, or none gets healthy, before the deadline
 * @throws {@link ExecNotReady} when the task runs and its exec agent doesn't
 */
export async function awaitServerTask(properties: CaptureProperties, tools: Tools): Promise<string> {
  const { deadline, patience } = tools;
  let running: Task | undefined;
  let readyDeadline: Deadline | undefined;

  const arn = await deadline.until(async () => {
    const task = await findRunningTask(properties, tools.ecs);
    if (!task) {
      await refuseCrashLoop(properties, tools);
      [running, readyDeadline] = [undefined, undefined];
      return undefined;
    }
    if (isReady(task, properties)) return task.taskArn;
    if (task.taskArn !== running?.taskArn) {
      readyDeadline = Deadline.after(Math.min(patience.readyMs, deadline.remaining));
    }
    running = task;
    if (readyDeadline?.passed) throw await notReady(task, properties, tools);
    return undefined;
  }, patience.pollMs);

  if (arn !== undefined) return arn;
  if (running) throw await notReady(running, properties, tools);
  throw new ServerNotRunning("no task of the new task definition was RUNNING before the deadline");
}

/** A server that has just started may end at once: only a healthy one has written its files, and keeps running. */
function isReady(task: Task, { Method, Container }: CaptureProperties): boolean {
  return Method === "task" ? task.healthStatus === "HEALTHY" : isExecReady(task, Container);
}

async function notReady(task: Task, properties: CaptureProperties, { logs }: Tools): Promise<DbwardError> {
  if (properties.Method === "exec") return new ExecNotReady(describeExecAgent(task, properties.Container));
  return new ServerNotRunning(
    `its task runs, and its health check says ${task.healthStatus ?? "nothing"}`,
    await logs.lastLines(properties.LogGroup, taskId(task.taskArn!), LAST_WORDS),
  );
}

/** The last part of a task's ARN. */
export function taskId(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/** A task of the expected task definition: one of the former definition is about to be replaced. */
async function findRunningTask(properties: CaptureProperties, ecs: ECSClient): Promise<Task | undefined> {
  const tasks = await listTasks(properties, ecs, "RUNNING");
  return tasks.find(
    (task) =>
      task.taskDefinitionArn === properties.TaskDefinition &&
      task.lastStatus === "RUNNING" &&
      task.desiredStatus !== "STOPPED",
  );
}

async function refuseCrashLoop(properties: CaptureProperties, tools: Tools): Promise<void> {
  const stopped = (await listTasks(properties, tools.ecs, "STOPPED"))
    .filter(({ taskDefinitionArn }) => taskDefinitionArn === properties.TaskDefinition)
    .filter(({ stoppedAt }) => stoppedAt !== undefined && stoppedAt >= tools.startedAt)
    .sort((a, b) => a.stoppedAt!.getTime() - b.stoppedAt!.getTime());
  const last = stopped.at(-1);
  if (!last || stopped.length < tools.patience.stoppedTasks) return;
  throw new ServerNotRunning(
    `${stopped.length} tasks stopped, the last one with ${describeStop(last, properties.Container)}`,
    await tools.logs.lastLines(properties.LogGroup, taskId(last.taskArn!), LAST_WORDS),
  );
}

/** Tasks of the service. A service or cluster that isn't there yet has none: it is created at the same time. */
async function listTasks(
  { Cluster, Service }: CaptureProperties,
  ecs: ECSClient,
  desiredStatus: "RUNNING" | "STOPPED",
): Promise<Task[]> {
  try {
    const { taskArns } = await ecs.send(
      new ListTasksCommand({ cluster: Cluster, serviceName: Service, desiredStatus }),
    );
    if (!taskArns?.length) return [];
    const { tasks } = await ecs.send(new DescribeTasksCommand({ cluster: Cluster, tasks: taskArns }));
    return tasks ?? [];
  } catch (error) {
    if (error instanceof Error && NOT_THERE_YET.has(error.name)) return [];
    throw error;
  }
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
