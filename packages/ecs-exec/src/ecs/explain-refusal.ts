import { DescribeTasksCommand, type ECSClient, type Task } from "@aws-sdk/client-ecs";
import { type DbwardError, describeError } from "@dbward-aws/core";
import { AccessDenied, AgentNotRunning, ExecNotEnabled, SessionRefused, TaskNotFound } from "../errors.ts";
import type { ContainerReference } from "./container.ts";

/** Name of the agent among the managed agents of a container, as ECS has it. */
const EXEC_AGENT = "ExecuteCommandAgent";

/**
 * Finds out why ECS refused to run a command. ECS has one exception for several reasons, so this looks at the
 * task itself; where that isn't allowed, the error quotes ECS.
 */
export async function explainRefusal(
  ecs: ECSClient,
  container: ContainerReference,
  cause: unknown,
  signal: AbortSignal,
): Promise<DbwardError> {
  const name = cause instanceof Error ? cause.name : "";
  const reason = describeError(cause);
  if (name === "AccessDeniedException") return new AccessDenied(`to run a command: ${reason}`, { cause });
  if (name === "ClusterNotFoundException")
    return new TaskNotFound(
      "the cluster doesn't exist",
      { cause },
      "Check the cluster's name, and the region and account of your credentials.",
    );
  if (name !== "InvalidParameterException")
    return new SessionRefused(`ECS answered ${name}: ${reason}`, { cause });
  try {
    const { cluster, task } = container;
    const answer = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] }), {
      abortSignal: signal,
    });
    return explainTask(answer.tasks?.[0], container, cause) ?? new SessionRefused(reason, { cause });
  } catch {
    // The answer of ECS matters more than the failure to explain it.
    return /not enabled|isn.t running|agent/i.test(reason)
      ? new AgentNotRunning(reason, { cause })
      : new SessionRefused(reason, { cause });
  }
}

/**
 * @returns why nothing can be run in a container of the task, or `undefined` when nothing of it speaks
 * against it
 */
export function explainTask(
  task: Task | undefined,
  { container }: ContainerReference,
  cause: unknown,
): DbwardError | undefined {
  if (!task) return new TaskNotFound("the task doesn't exist", { cause });
  if (task.lastStatus !== "RUNNING") {
    const reason = task.stoppedReason ? ` (${task.stoppedReason})` : "";
    return new TaskNotFound(`the task is ${task.lastStatus}${reason}`, { cause });
  }
  const found = task.containers?.find(({ name }) => name === container);
  if (!found) {
    const names = (task.containers ?? []).map(({ name }) => `"${name}"`).join(", ");
    return new TaskNotFound(
      `the task has no container "${container}"`,
      { cause },
      `Its containers are ${names || "not listed by ECS"}; upper and lower case count.`,
    );
  }
  if (task.enableExecuteCommand === false) return new ExecNotEnabled({ cause });
  const agent = found.managedAgents?.find(({ name }) => name === EXEC_AGENT);
  if (agent && agent.lastStatus !== "RUNNING")
    return new AgentNotRunning([agent.lastStatus, agent.reason].filter(Boolean).join(", "), { cause });
  return undefined;
}
