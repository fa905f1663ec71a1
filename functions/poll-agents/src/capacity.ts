import type { AgentSnapshot } from "@dbward-aws/dbward-client";
import type { TaskCounts } from "./task-counts.ts";

/** How many requests the agents can execute at the same time. */
export interface Capacity {
  readonly requests: number;
  /**
   * Whether the number of running tasks made a difference: replicas that share a token are one row of
   * `/api/agents`.
   */
  readonly byTasks: boolean;
}

/**
 * The capacity of the agents that accept work, including replicas when ECS has answered.
 *
 * A row is `draining` from the last poll of a stopping replica until the next poll of another one: it counts
 * as long as ECS has running tasks of the service, which do not include stopping ones.
 *
 * @param agents agents of the stage, with their names as ids
 */
export function capacityOf(agents: readonly AgentSnapshot[], tasks: TaskCounts | undefined): Capacity {
  let [requests, byRows] = [0, 0];
  for (const agent of agents) {
    const running = tasks?.agents.get(agent.id)?.running ?? 0;
    if (takesWork(agent)) byRows += agent.maxConcurrent;
    if (takesWork(agent) || (agent.status === "draining" && running > 0))
      requests += agent.maxConcurrent * Math.max(1, running);
  }
  return { requests, byTasks: requests !== byRows };
}

/** Whether an agent accepts work, or would accept it if it were not saturated. */
export function takesWork({ status }: AgentSnapshot): boolean {
  return status === "healthy" || status === "saturated";
}
