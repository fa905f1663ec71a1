import type * as z from "zod/mini";
import { amount, fields, isAmount, isText, readList, text } from "./schema.ts";

/** Statuses that dbward 0.2.0 gives to an agent. */
export const KNOWN_AGENT_STATUSES = ["healthy", "saturated", "draining", "offline"] as const;

/** A known status, or one of a later version. */
export type AgentStatus = (typeof KNOWN_AGENT_STATUSES)[number] | (string & {});

/** One row of `GET /api/agents`: one token's subject. Replicas that share a token are one row. */
export interface AgentSnapshot {
  /** Subject of the agent's token; not `agent_id` of its configuration file. */
  readonly id: string;
  readonly status: AgentStatus;
  /** Seconds since its last poll. */
  readonly lastPollAgeSeconds: number;
  /** Requests that it is executing. */
  readonly inFlight: number;
  /** Requests that it can execute at the same time. */
  readonly maxConcurrent: number;
}

export const AGENT = fields(() => ({
  id: text(),
  status: text(),
  last_poll_ago_secs: amount(),
  in_flight: amount(),
  max_concurrent: amount(),
}));

/**
 * What {@link AGENT} demands, without the objects that a schema makes for each field: of 10,000 rows they are
 * half of the time and of the memory of a poll. A row that it refuses goes to the schema, which accepts it or
 * names its fault.
 */
export function isAgent(row: unknown): row is z.output<ReturnType<typeof AGENT>> {
  if (typeof row !== "object" || row === null) return false;
  const { id, status, last_poll_ago_secs, in_flight, max_concurrent } = row as Record<string, unknown>;
  return (
    isText(id) &&
    isText(status) &&
    isAmount(last_poll_ago_secs) &&
    isAmount(in_flight) &&
    isAmount(max_concurrent)
  );
}

/** @throws {ShapeError} when it is not the answer of `GET /api/agents` */
export function readAgents(answer: unknown): AgentSnapshot[] {
  return readList(
    AGENT,
    "agents",
    answer,
    (agent) => ({
      id: agent.id,
      status: agent.status,
      lastPollAgeSeconds: agent.last_poll_ago_secs,
      inFlight: agent.in_flight,
      maxConcurrent: agent.max_concurrent,
    }),
    isAgent,
  );
}
