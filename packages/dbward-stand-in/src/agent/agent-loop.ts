import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { FinishedJob, Job } from "../server/request-queue.ts";
import { VERSION } from "../version.ts";
import type { AgentConfig } from "./agent-config.ts";
import { pretend } from "./pretend.ts";
import type { StatusFiles } from "./status-files.ts";

/** Milliseconds for one poll. */
const POLL_TIMEOUT_MS = 10_000;

/** Polls for work and does it, until it is told to stop and its work is done. */
export class AgentLoop {
  readonly #config: AgentConfig;
  readonly #files: StatusFiles;
  readonly #log: Log;
  readonly #startedAt = Date.now();
  /** Tells this process apart from others that share its token. */
  readonly #instance = randomUUID();
  readonly #running = new Set<string>();
  /** Ended, and not yet told to the server. */
  #finished: FinishedJob[] = [];
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
      await this.#poll("active");
      await pause(this.#config.pollIntervalMs, stopping);
    }
    const { drainTimeoutSeconds, pollIntervalMs } = this.#config;
    this.#log("INFO", "shutting down: draining", { in_flight: this.#running.size });
    const end = Date.now() + drainTimeoutSeconds * 1_000;
    do {
      await this.#poll("draining");
      if (this.#running.size === 0 && this.#finished.length === 0) break;
      await delay(Math.min(pollIntervalMs, Math.max(0, end - Date.now())));
    } while (Date.now() < end);
    this.#log("INFO", "stopped", { abandoned: this.#running.size });
  }

  async #poll(state: "active" | "draining"): Promise<void> {
    await this.#files.alive();
    const told = [...this.#finished];
    try {
      const response = await fetch(new URL("/api/agent/poll", this.#config.serverUrl), {
        method: "POST",
        redirect: "error",
        signal: AbortSignal.timeout(POLL_TIMEOUT_MS),
        headers: { authorization: `Bearer ${this.#config.token}`, "content-type": "application/json" },
        body: JSON.stringify(this.#report(state, told)),
      });
      const answer = (await response.json()) as { jobs?: Job[]; code?: string };
      if (!response.ok) return this.#outcome(`refused: ${response.status} ${answer.code ?? ""}`.trim());
      this.#finished = this.#finished.filter((job) => !told.includes(job));
      await this.#files.ready();
      this.#outcome("ok");
      for (const job of answer.jobs ?? []) void this.#execute(job);
    } catch (error) {
      this.#outcome(`failed: ${causeOf(error)}`);
    }
  }

  #report(state: "active" | "draining", finished: readonly FinishedJob[]) {
    return {
      agent_id: this.#config.agentId,
      instance: this.#instance,
      version: VERSION,
      state,
      max_concurrent: this.#config.maxConcurrentTasks,
      uptime_secs: Math.floor((Date.now() - this.#startedAt) / 1_000),
      running: [...this.#running],
      finished,
      scopes: this.#config.scopes,
    };
  }

  async #execute({ id, database, environment, sql }: Job): Promise<void> {
    this.#running.add(id);
    this.#log("INFO", "job started", { id, database, environment });
    const error = await pretend(sql);
    this.#running.delete(id);
    this.#finished.push(error === undefined ? { id } : { id, error });
    this.#log("INFO", "job finished", { id, ok: error === undefined });
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
