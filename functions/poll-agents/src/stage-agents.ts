import { type ExpectedAgent, stageNames } from "@dbward-aws/contract";
import type { AgentSnapshot } from "@dbward-aws/dbward-client";
import type { TaskCounts } from "./task-counts.ts";

/** The rows of `/api/agents`, sorted by whose they are. */
export interface StageAgents {
  /** One for each agent of the stage that polls or is missed, with its name for an id. */
  readonly agents: readonly AgentSnapshot[];
  /** Rows that belong to no agent of the stage. */
  readonly unexpected: number;
}

/**
 * Looks for the stage's agents among the rows. Rows of agents that are gone stay for ever, and an agent that never polled
 * has none: who is missed is decided by who is expected.
 *
 * Nobody misses an agent that the settings want no task of, or whose service is being deleted.
 */
export function findStageAgents(
  rows: readonly AgentSnapshot[],
  expected: readonly ExpectedAgent[],
  tasks: TaskCounts | undefined,
  stage: string,
): StageAgents {
  const bySubject = new Map(rows.map((row) => [row.id, row]));
  const agents = expected.flatMap(({ name, subject, desiredCount }) => {
    const agent = { ...(bySubject.get(subject) ?? NEVER_SEEN), id: name };
    bySubject.delete(subject);
    const missed = desiredCount > 0 && !tasks?.agents.get(stageNames(stage).agentService(name))?.deleted;
    return agent.status === "offline" && !missed ? [] : [agent];
  });
  return { agents, unexpected: bySubject.size };
}

/** `last_poll_ago_secs` of an agent that never polled, as the server writes it. */
export const NEVER_POLLED = 9_999;

const NEVER_SEEN = { status: "offline", lastPollAgeSeconds: NEVER_POLLED, inFlight: 0, maxConcurrent: 0 };
