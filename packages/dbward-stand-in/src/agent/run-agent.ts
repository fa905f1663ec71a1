import type { Log } from "../log.ts";
import { explain } from "./explain.ts";
import { Jobs } from "./jobs.ts";
import type { Pools } from "./pools.ts";
import type { ServerApi } from "./server-api.ts";
import type { AgentSettings } from "./settings.ts";
import { startUp } from "./start-up.ts";
import type { StatusFiles } from "./status-files.ts";
import { syncSchema } from "./sync-schema.ts";
import { pause } from "./wait.ts";

export interface Agent {
  readonly settings: AgentSettings;
  readonly api: ServerApi;
  readonly files: StatusFiles;
  readonly log: Log;
  /** Aborts at SIGTERM: no new work from then on. */
  readonly stopping: AbortSignal;
}

/** Failed polls in a row after which an agent is not ready. */
const LOST_AFTER = 6;

/**
 * Lives an agent's life: waits for the server and the databases, then polls for work and does it until it is
 * told to stop and its work is done.
 *
 * @throws at what ends an agent with status 1
 */
export async function runAgent(agent: Agent): Promise<void> {
  const started = await startUp(agent);
  if (!started) return; // asked to stop meanwhile
  const { key, pools } = started;
  agent.files.setReady(true);
  agent.log("INFO", "agent initialized and accepting work", { phase: "ready" });
  scheduleSchemaSync(agent, pools);
  const jobs = new Jobs(agent, key, pools);
  await pollLoop(agent, jobs, pools);
  await drain(agent, jobs);
}

function scheduleSchemaSync({ settings, api, log }: Agent, pools: Pools): void {
  const { onStartup, intervalMs } = settings.schemaSync;
  if (onStartup) void syncSchema(api, pools, log);
  if (intervalMs > 0)
    setInterval(() => void syncSchema(api, pools, log), Math.min(intervalMs, 2 ** 31 - 1)).unref();
}

async function pollLoop(
  { settings, api, files, log, stopping }: Agent,
  jobs: Jobs,
  pools: Pools,
): Promise<void> {
  let failures = 0;
  let ready = true;
  const setReady = (now: boolean, why: string) => {
    if (now === ready) return;
    ready = now;
    files.setReady(now);
    log(now ? "INFO" : "WARN", why);
  };
  while (!stopping.aborted) {
    if (pools.lost) setReady(false, "database connectivity lost, readiness removed");
    await pools.reconnect();
    const free = ready && !pools.lost ? Math.max(0, settings.maxConcurrentTasks - jobs.inFlight) : 0;
    try {
      const answer = await api.poll(free, jobs.status(false));
      failures = 0;
      if (answer.upgrade_required)
        setReady(
          false,
          `the server requires an agent of version ${answer.min_agent_version ?? "unknown"} or later`,
        );
      else if (!pools.lost) setReady(true, "readiness restored");
      for (const job of answer.jobs) jobs.take(job);
      explain(answer, { api, pools, log });
    } catch (error) {
      failures++;
      if (failures <= 3) log("WARN", `poll failed: ${(error as Error).message}`, { failures });
      if (failures === LOST_AFTER) setReady(false, "too many failed polls, readiness removed");
    }
    await pause(settings.pollIntervalMs, stopping);
  }
  await api.poll(0, jobs.status(true)).catch(() => undefined);
  files.setReady(false);
}

async function drain({ settings, api, log }: Agent, jobs: Jobs): Promise<void> {
  log("INFO", "draining, waiting for in-flight jobs", { in_flight: jobs.inFlight });
  const end = Date.now() + settings.drainTimeoutMs;
  while (jobs.inFlight > 0) {
    if (Date.now() >= end) throw new Error("drain timeout exceeded");
    await pause(Math.min(200, end - Date.now()));
  }
  await api.poll(0, jobs.status(true)).catch(() => undefined);
  log("INFO", "agent shutdown complete");
}
