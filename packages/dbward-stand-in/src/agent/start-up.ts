import { connect } from "./databases/connect.ts";
import { type Database, DatabaseError } from "./databases/database.ts";
import { NotAKey, type PublicKey } from "./execution-token.ts";
import { Pools } from "./pools.ts";
import type { Agent } from "./run-agent.ts";
import { Refused } from "./server-api.ts";
import { pause } from "./wait.ts";

/**
 * Fetches the server's key, connects to every database, one after another, and polls once; each is tried
 * until it succeeds.
 *
 * @returns nothing when the agent was asked to stop
 * @throws when the server or a database refuses it, or `startup_max_wait_secs` have passed
 */
export async function startUp(agent: Agent): Promise<{ key: PublicKey; pools: Pools } | undefined> {
  const { settings, api, log } = agent;
  const attempt = attempts(agent);
  log("INFO", "starting agent", { agent_id: settings.agentId });
  const key = await attempt("server", () => api.publicKey());
  if (!key) return undefined;
  const databases = new Map<(typeof settings.databases)[number], Database>();
  for (const each of settings.databases) {
    const place = `database:${each.database}/${each.environment}`;
    const connected = await attempt(place, () => connect(each.url));
    if (!connected) return undefined;
    log("INFO", "connected", { database: each.database, environment: each.environment });
    databases.set(each, connected);
  }
  const idle = {
    in_flight: 0,
    in_flight_preflight: 0,
    max_concurrent: settings.maxConcurrentTasks,
    draining: false,
    uptime_secs: 0,
    active_jobs: [],
  };
  if (!(await attempt("initial poll", () => api.poll(0, idle)))) return undefined;
  return { key, pools: new Pools(databases) };
}

function attempts({ settings, log, stopping }: Agent) {
  const { retryInitialMs, retryMaxMs, maxWaitMs } = settings.startup;
  const end = maxWaitMs === 0 ? Number.POSITIVE_INFINITY : Date.now() + maxWaitMs;

  return async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    for (let tries = 1, wait = retryInitialMs; ; tries++, wait = Math.min(wait * 2, retryMaxMs)) {
      if (stopping.aborted) return undefined;
      if (Date.now() > end) throw new Error("startup timeout exceeded");
      try {
        return await work();
      } catch (error) {
        if (endsAgent(error)) throw error;
        if (tries <= 3)
          log("WARN", "startup blocked, retrying", {
            phase: "startup",
            what,
            attempt: tries,
            error: (error as Error).message,
          });
      }
      await pause(wait, stopping);
    }
  };
}

/** Whether trying again is useless: refusals of the server but 429, and of a database's login. */
function endsAgent(error: unknown): boolean {
  if (error instanceof Refused) return error.status >= 400 && error.status < 500 && error.status !== 429;
  if (error instanceof DatabaseError) return error.kind === "authentication" || error.kind === "scheme";
  return error instanceof NotAKey;
}
