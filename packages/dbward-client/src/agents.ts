import { amount, type JsonObject, list, object, text } from "./shape.ts";

/** Statuses that dbward 0.2.0 gives to an agent. */
export const KNOWN_AGENT_STATUSES = ["healthy", "saturated", "draining", "offline"] as const;

/** A known status, or one of a later version. */
export type AgentStatus = (typeof KNOWN_AGENT_STATUSES)[number] | (string & {});

/** One row of `GET /api/agents`: one token's subject. Replicas that share a token are one row. */
export interface AgentSnapshot {
  /** Subject of the agent's token; not `agent_id` of its file. */
  readonly id: string;
  readonly status: AgentStatus;
  /** Seconds since its last poll; 9999 when it never polled. */
  readonly lastPollAgeSeconds: number;
  /** Requests that it is executing. */
  readonly inFlight: number;
  /** Requests that it can execute at the same time. */
  readonly maxConcurrent: number;
}

/** @throws {ShapeError} when it isn't the answer of `GET /api/agents` */
export function readAgents(answer: unknown): AgentSnapshot[] {
  return list(object(answer, "").agents, "agents", (value, path) => readAgent(object(value, path), path));
}

function readAgent(agent: JsonObject, path: string): AgentSnapshot {
  return {
    id: text(agent, "id", path),
    status: text(agent, "status", path),
    lastPollAgeSeconds: amount(agent, "last_poll_ago_secs", path),
    inFlight: amount(agent, "in_flight", path),
    maxConcurrent: amount(agent, "max_concurrent", path),
  };
}
