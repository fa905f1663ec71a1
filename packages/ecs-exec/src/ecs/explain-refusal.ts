import { DescribeTasksCommand, type ECSClient, type Task } from "@aws-sdk/client-ecs";
import { type DbwardError, describeError } from "@dbward-aws/core";
import { AccessDenied, AgentNotRunning, ExecNotEnabled, SessionRefused, TaskNotFound } from "../errors.ts";
import type { ContainerReference } from "./container.ts";

/** Name of the agent among the managed agents of a container, as ECS has it. */
const EXEC_AGENT = "ExecuteCommandAgent";

/**
 * Finds out why ECS refused to run a command. One exception stands for several reasons there, so the task itself is
 * looked at; where that isn't allowed, the error says what ECS said.
 */
export async function explainRefusal(
  ecs: ECSClient,
  container: ContainerReference,
  cause: unknown,
  signal: AbortSignal,
): Promise<DbwardError> {
  const name = cause instanceof Error ? cause.name : "";
  const said = describeError(cause);
  if (name === "AccessDeniedException") return new AccessDenied(`to run a command: ${said}`, { cause });
  if (name === "ClusterNotFoundException") return new TaskNotFound("the cluster doesn't exist", { cause });
  if (name !== "InvalidParameterException")
    return new SessionRefused(`ECS answered ${name}: ${said}`, { cause });
  try {
    const { cluster, task } = container;
    const answer = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] }), {
      abortSignal: signal,
    });
    return explainTask(answer.tasks?.[0], container, cause) ?? new SessionRefused(said, { cause });
  } catch {
    // What ECS said is worth more than why it can't be explained.
    return /not enabled|isn.t running|agent/i.test(said)
      ? new AgentNotRunning(said, { cause })
      : new SessionRefused(said, { cause });
  }
}

function explainTask(
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
  if (!found) return new TaskNotFound(`the task has no container "${container}"`, { cause });
  if (task.enableExecuteCommand === false) return new ExecNotEnabled({ cause });
  const agent = found.managedAgents?.find(({ name }) => name === EXEC_AGENT);
  if (agent && agent.lastStatus !== "RUNNING")
    return new AgentNotRunning([agent.lastStatus, agent.reason].filter(Boolean).join(", "), { cause });
  return undefined;
}
