import { DatabaseError } from "./databases/database.ts";
import { checkExecutionToken, type PublicKey } from "./execution-token.ts";
import { executeOperation, resultOfFailure } from "./operations.ts";
import type { Pools } from "./pools.ts";
import type { Agent } from "./run-agent.ts";
import {
  type AgentStatus,
  type Claim,
  type Job,
  type JobResult,
  Refused,
  Unreachable,
} from "./server-api.ts";
import { syncSchema } from "./sync-schema.ts";
import { pause } from "./wait.ts";

const HEARTBEAT_MS = 2_000;
/** Between the word that a request is cancelled and the interruption of its statement. */
const CANCEL_GRACE_MS = 2_000;
/** Milliseconds for which a result is offered to a server that can't take it. */
const SUBMIT_MS = 300_000;

/** The jobs that an agent was handed, from the claim to the result. */
export class Jobs {
  readonly #agent: Agent;
  readonly #key: PublicKey;
  readonly #pools: Pools;
  readonly #startedAt = Date.now();
  readonly #running = new Map<string, { readonly operation: string; readonly since: number }>();

  constructor(agent: Agent, key: PublicKey, pools: Pools) {
    this.#agent = agent;
    this.#key = key;
    this.#pools = pools;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  status(draining: boolean): AgentStatus {
    return {
      in_flight: this.inFlight,
      in_flight_preflight: 0,
      max_concurrent: this.#agent.settings.maxConcurrentTasks,
      draining,
      uptime_secs: secondsSince(this.#startedAt),
      active_jobs: [...this.#running].map(([request_id, { operation, since }]) => ({
        request_id,
        operation,
        elapsed_secs: secondsSince(since),
      })),
    };
  }

  /** Claims a job and executes it in the background. */
  take({ id, operation }: Job): void {
    if (this.#running.has(id)) return; // handed out again before the claim
    this.#running.set(id, { operation, since: Date.now() });
    this.#work(id)
      .catch((error: unknown) => {
        if (error instanceof Refused && error.status === 409) return; // another agent has claimed it
        this.#agent.log("ERROR", `job failed: ${(error as Error).message}`, { request_id: id });
      })
      .finally(() => this.#running.delete(id));
  }

  async #work(id: string): Promise<void> {
    const { api, log } = this.#agent;
    const claim = await api.claim(id);
    log("INFO", "job claimed", { request_id: claim.request_id, op: claim.operation });
    const start = Date.now();
    const result = await this.#execute(claim);
    await this.#submit(claim, { ...result, duration_ms: Date.now() - start });
    if (result.success && (claim.operation === "migrate_up" || claim.operation === "migrate_down"))
      await syncSchema(api, this.#pools, log);
  }

  async #execute(claim: Claim): Promise<JobResult> {
    const { database: name, environment, statement_timeout_secs: timeout } = claim;
    const stop = new AbortController();
    const done = new AbortController();
    try {
      checkExecutionToken(claim, this.#key);
      const database = this.#pools.find(name, environment);
      if (!database) throw new Error(`this agent has no database ${name} in ${environment}`);
      void this.#heartbeat(claim, stop, done.signal);
      const timeoutSecs = timeout ?? this.#agent.settings.statementTimeoutSecs;
      const result = await executeOperation(claim, database, { timeoutSecs, signal: stop.signal });
      this.#pools.report(name, environment, "success");
      return result;
    } catch (error) {
      this.#agent.log("WARN", `execution failed: ${(error as Error).message}`, {
        request_id: claim.request_id,
      });
      if (error instanceof DatabaseError && error.kind === "connection")
        this.#pools.report(name, environment, "connection lost");
      return resultOfFailure(error as Error, claim);
    } finally {
      done.abort();
    }
  }

  async #heartbeat({ execution_id }: Claim, stop: AbortController, done: AbortSignal): Promise<void> {
    for (;;) {
      await pause(HEARTBEAT_MS, done);
      if (done.aborted) return;
      const cancelled = await this.#agent.api.heartbeat(execution_id).catch((error: Error) => {
        this.#agent.log("WARN", `heartbeat failed: ${error.message}`);
        return false;
      });
      if (!cancelled) continue;
      this.#agent.log("WARN", "cancellation requested by server", { execution_id });
      await pause(CANCEL_GRACE_MS, done);
      if (!done.aborted) stop.abort();
      return;
    }
  }

  async #submit({ execution_id }: Claim, result: JobResult): Promise<void> {
    const end = Date.now() + SUBMIT_MS;
    for (let wait = 1_000; ; wait = Math.min(wait * 2, 15_000)) {
      try {
        await this.#agent.api.result(execution_id, result);
        this.#agent.log("INFO", "result submitted", { execution_id });
        return;
      } catch (error) {
        if (!isPassing(error) || Date.now() + wait > end) throw error;
        this.#agent.log("WARN", `result not taken, trying again: ${(error as Error).message}`);
        await pause(wait);
      }
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof Refused) return error.status >= 500 || error.status === 429;
  return error instanceof Unreachable;
}

function secondsSince(time: number): number {
  return Math.floor((Date.now() - time) / 1_000);
}
