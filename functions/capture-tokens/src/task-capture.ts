import { createHash } from "node:crypto";
import { DescribeTasksCommand, RunTaskCommand, type Task } from "@aws-sdk/client-ecs";
import type { CaptureTaskProperties } from "@dbward-aws/contract";
import { describeError } from "@dbward-aws/core";
import { AccessRefused, ScriptFailed } from "./errors.ts";
import type { Token } from "./request.ts";
import { mustBeAllowed } from "./rights.ts";
import type { Plan } from "./script/plan.ts";
import { type Outcome, type Report, readReport } from "./script/report.ts";
import { taskScript } from "./script/task-script.ts";
import { awaitServerTask, describeStop, taskId } from "./server-task.ts";
import type { Tools } from "./tools.ts";

/** The overrides of a task may have 8192 characters in all; a token needs less than 300 of them. */
const TOKENS_A_TASK = 11;
/** Lines of the task's log that are read: one for each token, and some more. */
const LOG_LINES = 100;

/**
 * Method `task`: a one-off task on the server's file system reads the files and writes the secrets. Its log
 * has its report, without any token. Stored tokens are not checked: they would have to be sent to the task.
 */
export async function captureByTask(plan: Plan, tools: Tools): Promise<Report> {
  await awaitServerTask(plan.request.properties, tools);
  const outcomes = new Map<Token, Outcome>();
  const missing = [...plan.missing];
  for (let from = 0; from < missing.length; from += TOKENS_A_TASK) {
    const part = { ...plan, missing: new Set(missing.slice(from, from + TOKENS_A_TASK)) };
    const report = await runOnce(part, from, tools);
    for (const [token, outcome] of report.outcomes) outcomes.set(token, outcome);
  }
  return { outcomes, accepted: new Map() };
}

async function runOnce(plan: Plan, part: number, tools: Tools): Promise<Report> {
  const task = plan.request.properties.CaptureTask!;
  const arn = await start(plan, part, tools);
  const ended = await awaitEnd(plan.request.properties.Cluster, arn, tools);
  const stream = `${task.Container}/${taskId(arn)}`;
  const lines = () =>
    mustBeAllowed(
      "logs:GetLogEvents",
      () => tools.logs.lastLines(task.LogGroup, stream, LOG_LINES, task.LogStreamPrefix),
      tools,
    );
  if (exitCodeOf(ended, task) !== 0) {
    throw new ScriptFailed(
      `the task ${taskId(arn)} ended with ${describeStop(ended, task.Container)}; its log: ` +
        `${(await lines().catch(() => [])).slice(-5).join(" | ")}`,
    );
  }
  // The log may be complete only some time after the end of the task.
  const report = await tools.deadline.until(async () => {
    const text = await lines();
    return text.at(-1) === "end - ok" ? text : undefined;
  }, tools.patience.pollMs);
  if (!report) throw new ScriptFailed(`the log of the task ${taskId(arn)} has no complete report`);
  return readReport(report.join("\n"), plan.request, plan.missing);
}

/** Because of the client token, the same request starts only one task, however often it is repeated. */
async function start(plan: Plan, part: number, tools: Tools): Promise<string> {
  const { ecs, deadline, patience } = tools;
  const { Cluster, CaptureTask } = plan.request.properties;
  const task = CaptureTask!;
  const region = await ecs.config.region();
  const script = taskScript(plan, { region, rightsSeconds: patience.rightsMs / 1_000 });
  const command = new RunTaskCommand({
    cluster: Cluster,
    taskDefinition: task.TaskDefinition,
    launchType: "FARGATE",
    count: 1,
    clientToken: createHash("sha256").update(`${plan.requestId}\n${part}`).digest("hex"),
    enableExecuteCommand: false,
    startedBy: "capture-tokens",
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [...task.Subnets],
        securityGroups: [...task.SecurityGroups],
        assignPublicIp: task.AssignPublicIp,
      },
    },
    overrides: { containerOverrides: [{ name: task.Container, command: [script] }] },
  });
  try {
    const { tasks, failures } = await mustBeAllowed(
      "ecs:RunTask",
      () => ecs.send(command, { abortSignal: deadline.signal }),
      tools,
    );
    const arn = tasks?.[0]?.taskArn;
    if (!arn) throw new Error(failures?.map(({ reason }) => reason).join(", ") || "ECS started no task");
    return arn;
  } catch (error) {
    if (error instanceof AccessRefused) throw error;
    throw new ScriptFailed(`the task can't be started: ${describeError(error)}`, error);
  }
}

async function awaitEnd(cluster: string, arn: string, tools: Tools): Promise<Task> {
  const { ecs, deadline, patience } = tools;
  const command = new DescribeTasksCommand({ cluster, tasks: [arn] });
  const ended = await deadline.until(async () => {
    const { tasks } = await mustBeAllowed("ecs:DescribeTasks", () => ecs.send(command), tools);
    return tasks?.find(({ lastStatus }) => lastStatus === "STOPPED");
  }, patience.pollMs);
  if (!ended) throw new ScriptFailed(`the task ${taskId(arn)} did not end before the deadline`);
  return ended;
}

function exitCodeOf(task: Task, { Container }: CaptureTaskProperties): number | undefined {
  return task.containers?.find(({ name }) => name === Container)?.exitCode;
}
