import type { Log } from "../log.ts";
import type { Pools } from "./pools.ts";
import type { ExplainJob, ExplainOutcome, PollAnswer, ServerApi } from "./server-api.ts";

/** Seconds that a plan may take. */
const TIMEOUT_SECS = 5;

/**
 * Makes the plans that a poll asks for, in the background: dry runs are claimed first, preflights come with
 * their claim.
 */
export function explain(
  { dry_run_jobs = [], preflight_jobs = [] }: PollAnswer,
  { api, pools, log }: { readonly api: ServerApi; readonly pools: Pools; readonly log: Log },
): void {
  const inBackground = (work: Promise<void>) => {
    work.catch((error: unknown) => log("WARN", `sending a plan failed: ${(error as Error).message}`));
  };
  for (const job of dry_run_jobs)
    inBackground(
      api
        .claimDryRun(job.id)
        .then((token) => planOf(job, token, pools))
        .then((outcome) => api.dryRunResult(job.id, outcome)),
    );
  for (const job of preflight_jobs)
    inBackground(
      planOf(job, job.claim_token ?? "", pools).then((outcome) => api.preflightResult(job.id, outcome)),
    );
}

async function planOf(job: ExplainJob, claimToken: string, pools: Pools): Promise<ExplainOutcome> {
  try {
    const database = pools.find(job.database, job.environment);
    if (!database) throw new Error("no pool available for scope");
    return { claim_token: claimToken, result: await database.explain(job.sql, TIMEOUT_SECS) };
  } catch (error) {
    return { claim_token: claimToken, error: (error as Error).message };
  }
}
