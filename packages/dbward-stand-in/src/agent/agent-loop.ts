import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../log.ts";
import { VERSION } from "../version.ts";
import type { AgentConfig } from "./agent-config.ts";
import { pretend } from "./pretend.ts";
import type { StatusFiles } from "./status-files.ts";

/** Milliseconds for one call. */
const CALL_TIMEOUT_MS = 10_000;

interface Job {
  readonly id: string;
  readonly database: string;
  readonly environment: string;
  readonly operation: string;
}

/** Polls for work and does it, until it is told to stop and its work is done. */
export class AgentLoop {
  readonly #config: AgentConfig;
  readonly #files: StatusFiles;
  readonly #log: Log;
  readonly #startedAt = Date.now();
  /** By the id of the request. */
  readonly #running = new Map<string, { readonly operation: string; readonly since: number }>();
  /** What the last poll brought, so that a lasting fault is logged once. */
  #lastOutcome = "";

  constructor(config: AgentConfig, files: StatusFiles, log: Log) {
    this.#config = config;
    this.#files = files;
    this.#log = log;
  }

  /** @param stopping aborts on SIGTERM: no new work, and at most `drain_timeout_secs` for what runs */
  async run(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      await this.#poll(false);
      await pause(this.#config.pollIntervalMs, stopping);
    }
    const { drainTimeoutSeconds, pollIntervalMs } = this.#config;
    this.#log("INFO", "shutting down: draining", { in_flight: this.#running.size });
    const end = Date.now() + drainTimeoutSeconds * 1_000;
    do {
      await this.#poll(true);
      if (this.#running.size === 0) break;
      await delay(Math.min(pollIntervalMs, Math.max(0, end - Date.now())));
    } while (Date.now() < end);
    this.#log("INFO", "stopped", { abandoned: this.#running.size });
  }

  async #poll(draining: boolean): Promise<void> {
    await this.#files.alive();
    const free = draining ? 0 : this.#config.maxConcurrentTasks - this.#running.size;
    try {
      const response = await this.#call("poll", {
        capabilities: { scopes: this.#config.scopes },
        limit: free,
        agent_version: VERSION,
        status: this.#report(draining),
      });
      const answer = (await response.json()) as { jobs?: Job[]; code?: string };
      if (!response.ok) return this.#outcome(`refused: ${response.status} ${answer.code ?? ""}`.trim());
      await this.#files.ready();
      this.#outcome("ok");
      for (const job of answer.jobs?.slice(0, free) ?? []) void this.#execute(job);
    } catch (error) {
      this.#outcome(`failed: ${causeOf(error)}`);
    }
  }

  #call(path: string, body: object = {}): Promise<Response> {
    return fetch(new URL(`/api/agent/${path}`, this.#config.serverUrl), {
      method: "POST",
      redirect: "error",
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      headers: { authorization: `Bearer ${this.#config.token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  #report(draining: boolean) {
    const seconds = (since: number) => Math.floor((Date.now() - since) / 1_000);
    return {
      in_flight: this.#running.size,
      max_concurrent: this.#config.maxConcurrentTasks,
      draining,
      uptime_secs: seconds(this.#startedAt),
      active_jobs: [...this.#running].map(([id, { operation, since }]) => ({
        request_id: id,
        operation,
        elapsed_secs: seconds(since),
      })),
    };
  }

  async #execute({ id, database, environment, operation }: Job): Promise<void> {
    this.#running.set(id, { operation, since: Date.now() });
    try {
      const claimed = await this.#call(`jobs/${id}/claim`);
      if (!claimed.ok) return;
      const { execution_id, detail } = (await claimed.json()) as { execution_id: string; detail: string };
      this.#log("INFO", "job started", { id, database, environment });
      const error = await pretend(detail);
      await this.#call(`jobs/${execution_id}/result`, {
        success: error === undefined,
        ...(error === undefined ? { result_data: JSON.stringify({ rows: [] }) } : { error_message: error }),
      });
      this.#log("INFO", "job finished", { id, ok: error === undefined });
    } catch (error) {
      this.#log("ERROR", `job failed: ${causeOf(error)}`, { id });
    } finally {
      this.#running.delete(id);
    }
  }

  #outcome(outcome: string): void {
    if (outcome === this.#lastOutcome) return;
    this.#lastOutcome = outcome;
    if (outcome === "ok") this.#log("INFO", "connected to the server");
    else this.#log("ERROR", `poll ${outcome}`);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error;
  return (cause as { code?: string } | undefined)?.code ?? message;
}
