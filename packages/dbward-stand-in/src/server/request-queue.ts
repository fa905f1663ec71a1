import { randomUUID } from "node:crypto";
import type { AgentRegistry, AgentReport } from "./agent-registry.ts";
import type { ServerConfig, Workflow } from "./server-config.ts";
import type { RequestRecord, RequestStatus, State } from "./state.ts";

/** What a person asks for. */
export type NewRequest = Pick<RequestRecord, "database" | "environment" | "operation" | "sql" | "createdBy">;

/** What an agent is to execute. */
export type Job = Pick<RequestRecord, "id" | "database" | "environment" | "operation" | "sql">;

/** How a job ended, as the agent says. */
export interface FinishedJob {
  readonly id: string;
  readonly error?: string;
}

/** The states that `dbward_requests_current` counts. */
export const WAITING_STATES = [
  "pending",
  "approved",
  "dispatched",
  "running",
] as const satisfies readonly RequestStatus[];

/** The requests' way from `pending` to their end. Every method changes the state in memory; the caller saves. */
export class RequestQueue {
  readonly #state: State;
  readonly #config: ServerConfig;

  constructor(state: State, config: ServerConfig) {
    this.#state = state;
    this.#config = config;
  }

  /** A request that no workflow knows waits for one approval. */
  create(wanted: NewRequest): RequestRecord {
    const approvalsMissing = this.#config.workflows.find((workflow) => covers(workflow, wanted))?.steps ?? 1;
    const request: RequestRecord = {
      ...wanted,
      id: randomUUID(),
      createdAt: new Date().toISOString(),
      status: approvalsMissing === 0 ? "approved" : "pending",
      approvalsMissing,
    };
    this.#state.requests.push(request);
    return request;
  }

  find(id: string): RequestRecord | undefined {
    return this.#state.requests.find((request) => request.id === id);
  }

  approve(request: RequestRecord): void {
    request.approvalsMissing = Math.max(0, request.approvalsMissing - 1);
    if (request.approvalsMissing === 0) request.status = "approved";
  }

  /**
   * Takes over what an agent says and hands it work for the room that it has.
   *
   * @returns its jobs, and whether anything changed
   */
  exchange(
    instance: string,
    report: AgentReport,
    finished: readonly FinishedJob[],
  ): { jobs: Job[]; changed: boolean } {
    let changed = this.#takeOver(instance, report, finished);
    const held = this.#state.requests.filter(
      (request) => request.instance === instance && isUnderWay(request),
    );
    // What it was handed and doesn't run never arrived: it gets it again, or somebody else does.
    const lost = held.filter(({ status }) => status === "dispatched");
    if (report.state === "draining") {
      for (const request of lost) request.status = "approved";
      return { jobs: [], changed: changed || lost.length > 0 };
    }
    const waiting = this.#state.requests.filter(
      (request) => request.status === "approved" && reaches(report, request),
    );
    const fresh = waiting.slice(0, Math.max(0, report.maxConcurrent - held.length));
    for (const request of fresh) {
      request.status = "dispatched";
      request.instance = instance;
      changed = true;
    }
    return { jobs: [...lost, ...fresh].map(jobOf), changed };
  }

  /** Gives the work of agents that are gone back, or up: what was running may have been done. */
  reclaim(agents: AgentRegistry): boolean {
    let changed = false;
    for (const request of this.#state.requests) {
      if (request.instance === undefined || !agents.isGone(request.instance)) continue;
      if (request.status === "dispatched") request.status = "approved";
      else if (request.status === "running") fail(request, "the agent went offline");
      else continue;
      changed = true;
    }
    return changed;
  }

  /** How many requests are in each state. */
  counts(): ReadonlyMap<RequestStatus, number> {
    const counts = new Map<RequestStatus, number>(WAITING_STATES.map((status) => [status, 0]));
    for (const { status } of this.#state.requests) counts.set(status, (counts.get(status) ?? 0) + 1);
    return counts;
  }

  #takeOver(instance: string, report: AgentReport, finished: readonly FinishedJob[]): boolean {
    let changed = false;
    for (const request of this.#state.requests) {
      if (request.instance !== instance) continue;
      const end = finished.find(({ id }) => id === request.id);
      if (end && isUnderWay(request)) {
        if (end.error === undefined) request.status = "succeeded";
        else fail(request, end.error);
        changed = true;
      } else if (request.status === "dispatched" && report.running.includes(request.id)) {
        request.status = "running";
        changed = true;
      }
    }
    return changed;
  }
}

function isUnderWay({ status }: RequestRecord): boolean {
  return status === "dispatched" || status === "running";
}

function fail(request: RequestRecord, error: string): void {
  request.status = "failed";
  request.error = error;
}

function jobOf({ id, database, environment, operation, sql }: RequestRecord): Job {
  return { id, database, environment, operation, sql };
}

function covers(workflow: Workflow, { database, environment, operation }: NewRequest): boolean {
  const matches = (pattern: string, value: string) => pattern === "*" || pattern === value;
  return (
    matches(workflow.database, database) &&
    matches(workflow.environment, environment) &&
    (workflow.operations.length === 0 || workflow.operations.some((each) => matches(each, operation)))
  );
}

function reaches({ scopes }: AgentReport, { database, environment }: RequestRecord): boolean {
  return scopes.some((scope) => scope.database === database && scope.environment === environment);
}
