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
 * The room of the agents that take work, replicas included as far as ECS tells them.
 *
 * An agent of a service is known by its name. Rows and services that don't match by name (the bootstrap token's subject
 * is the server's choice, and agents may run elsewhere) are taken together: when more tasks than rows are left, each task
 * counts like the average row.
 */
export function capacityOf(
  agents: readonly AgentSnapshot[],
  tasks: TaskCounts | undefined,
  stage: string,
): Capacity {
  const working = agents.filter(takesWork);
  const byRows = room(working);
  if (!tasks) return { requests: byRows, byTasks: false };

  const serviceOf = ({ id }: AgentSnapshot) => stageNames(stage).agentService(id);
  const otherTasks = new Map(tasks.agents);
  const otherRows: AgentSnapshot[] = [];
  let requests = 0;
  for (const agent of working) {
    const count = tasks.agents.get(serviceOf(agent));
    if (!count) otherRows.push(agent);
    else requests += agent.maxConcurrent * Math.max(1, count.running);
  }
  for (const agent of agents) otherTasks.delete(serviceOf(agent));
  let running = 0;
  for (const count of otherTasks.values()) running += count.running;
  const replicas = otherRows.length === 0 ? 1 : Math.max(1, running / otherRows.length);
  requests += room(otherRows) * replicas;
  return { requests, byTasks: requests !== byRows };
}

/** Whether an agent takes work, or would if it weren't full. */
export function takesWork({ status }: AgentSnapshot): boolean {
  return status === "healthy" || status === "saturated";
}

function room(agents: readonly AgentSnapshot[]): number {
  return agents.reduce((sum, { maxConcurrent }) => sum + maxConcurrent, 0);
}
