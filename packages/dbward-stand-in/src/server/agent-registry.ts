import type { State } from "./state.ts";

/** What an agent says of itself with every poll. */
export interface AgentReport {
  readonly state: "active" | "draining";
  readonly maxConcurrent: number;
  readonly uptimeSeconds: number;
  /** Ids of the requests that it is executing. */
  readonly running: readonly string[];
  readonly scopes: readonly Scope[];
}

/** A database in an environment that an agent reaches. */
export interface Scope {
  readonly database: string;
  readonly environment: string;
}

/** One row of `GET /api/agents`. */
export interface AgentRow {
  readonly id: string;
  readonly status: "healthy" | "saturated" | "draining" | "offline";
  readonly last_poll_ago_secs: number;
  readonly in_flight: number;
  readonly max_concurrent: number;
  readonly uptime_secs: number;
  readonly active_jobs: readonly string[];
  readonly capabilities: { readonly scopes: readonly Scope[] };
}

interface LastPoll {
  readonly at: number;
  readonly report: AgentReport;
}

/**
 * Who polled when. Rows are by the subject of the token: replicas that share one are one row, and the last poll wins.
 * Kept in memory alone, so that after a restart an agent is offline until its next poll.
 */
export class AgentRegistry {
  readonly #startedAt = Date.now();
  readonly #bySubject = new Map<string, LastPoll>();
  /** When each agent process polled last. */
  readonly #byInstance = new Map<string, number>();

  seen(subject: string, instance: string, report: AgentReport): void {
    this.#bySubject.set(subject, { at: Date.now(), report });
    this.#byInstance.set(instance, Date.now());
  }

  /** Whether this process of an agent has been silent for so long that its work counts as lost. */
  isGone(instance: string): boolean {
    return Date.now() - (this.#byInstance.get(instance) ?? this.#startedAt) >= OFFLINE_MS;
  }

  /** Every subject that has, or had, a valid agent token. */
  rows(state: State): AgentRow[] {
    return subjects(state).map((id) => row(id, this.#bySubject.get(id)));
  }
}

/** Subjects with a valid agent token, each once. */
export function subjects(state: State): string[] {
  const valid = state.tokens.filter(({ subjectType, revokedAt }) => subjectType === "agent" && !revokedAt);
  return [...new Set(valid.map(({ subjectId }) => subjectId))];
}

/** Milliseconds without a poll after which an agent is offline; dbward's own 60 s unless a test wants less. */
const OFFLINE_MS = Number(process.env.DBWARD_STANDIN_OFFLINE_MS || 60_000);
/** `last_poll_ago_secs` of an agent that never polled. */
const NEVER = 9_999;

function row(id: string, last: LastPoll | undefined): AgentRow {
  const silentMs = last ? Date.now() - last.at : Number.POSITIVE_INFINITY;
  const offline = silentMs >= OFFLINE_MS;
  const running = last?.report.running ?? [];
  const maxConcurrent = last?.report.maxConcurrent ?? 0;
  return {
    id,
    status: offline
      ? "offline"
      : last?.report.state === "draining"
        ? "draining"
        : running.length >= maxConcurrent
          ? "saturated"
          : "healthy",
    last_poll_ago_secs: last ? Math.floor(silentMs / 1000) : NEVER,
    in_flight: offline ? 0 : running.length,
    max_concurrent: maxConcurrent,
    uptime_secs: offline ? 0 : (last?.report.uptimeSeconds ?? 0),
    active_jobs: offline ? [] : running,
    capabilities: { scopes: last?.report.scopes ?? [] },
  };
}
