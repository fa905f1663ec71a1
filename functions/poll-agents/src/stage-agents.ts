import type { ExpectedAgent } from "@dbward-aws/contract";
import type { AgentSnapshot } from "@dbward-aws/dbward-client";
import type { TaskCounts } from "./task-counts.ts";

/** The rows of `/api/agents`, divided into the agents of the stage and others. */
export interface StageAgents {
  /** One for each agent of the stage that polls or should poll, with its name as its id. */
  readonly agents: readonly AgentSnapshot[];
  /** Rows that belong to no agent of the stage. */
  readonly unexpected: number;
}

/**
 * Finds the stage's agents among the rows. The server keeps the rows of removed agents, and has no row of an
 * agent that never polled: the settings decide which agents should poll.
 *
 * An agent without a row or with an offline one is left out when the settings want no task of it, or when its
 * service is being deleted.
 */
export function findStageAgents(
  rows: readonly AgentSnapshot[],
  expected: readonly ExpectedAgent[],
  tasks: TaskCounts | undefined,
): StageAgents {
  const bySubject = new Map<string, AgentSnapshot>(
    expected.map(({ subject }) => [subject, { ...NEVER_POLLED_AGENT, id: subject }]),
  );
  let unexpected = 0;
  for (const row of rows)
    if (bySubject.has(row.id)) bySubject.set(row.id, row);
    else unexpected++;
  const agents = expected.flatMap(({ name, subject, desiredCount }) => {
    const agent = { ...bySubject.get(subject)!, id: name };
    const shouldPoll = desiredCount > 0 && !tasks?.agents.get(name)?.deleted;
    return agent.status === "offline" && !shouldPoll ? [] : [agent];
  });
  return { agents, unexpected };
}

/** `last_poll_ago_secs` of an agent that never polled, as the server writes it. */
export const NEVER_POLLED = 9_999;

const NEVER_POLLED_AGENT = {
  status: "offline",
  lastPollAgeSeconds: NEVER_POLLED,
  inFlight: 0,
  maxConcurrent: 0,
};
