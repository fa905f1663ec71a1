import { stageNames } from "@dbward-aws/contract";
import type { AgentSnapshot } from "@dbward-aws/dbward-client";
import type { TaskCounts } from "./task-counts.ts";

/** How much work the agents can do at the same time. */
export interface Capacity {
  readonly requests: number;
  /** Whether running tasks were counted: replicas that share a token are one row of `/api/agents`. */
  readonly byTasks: boolean;
}

/**
 * The room of the agents that take work, replicas included when ECS has told of them.
 *
 * A row says `draining` from the last poll of one replica until the next poll of another: it counts as long as ECS
 * runs tasks of the service, to which a task that is stopping does not belong.
 *
 * @param agents of the stage, their names for ids
 */
export function capacityOf(
  agents: readonly AgentSnapshot[],
  tasks: TaskCounts | undefined,
  stage: string,
): Capacity {
  let [requests, byRows] = [0, 0];
  for (const agent of agents) {
    const running = tasks?.agents.get(stageNames(stage).agentService(agent.id))?.running ?? 0;
    if (takesWork(agent)) byRows += agent.maxConcurrent;
    if (takesWork(agent) || (agent.status === "draining" && running > 0))
      requests += agent.maxConcurrent * Math.max(1, running);
  }
  return { requests, byTasks: requests !== byRows };
}

/** Whether an agent takes work, or would if it weren't full. */
export function takesWork({ status }: AgentSnapshot): boolean {
  return status === "healthy" || status === "saturated";
}
