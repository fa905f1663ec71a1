import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { App } from "../app/app.ts";
import { conflict, forbidden, invalid, ok, type Reply } from "../http/answer.ts";
import { optionalText } from "../http/fields.ts";
import type { Call } from "../http/router.ts";
import type { DryRunRecord, RequestRecord } from "../state/records.ts";

/** For how long a statement may be explained, and for how long it waits for that, in milliseconds. */
const CLAIM_MS = 60_000;
const COLLECT_MS = 300_000;

/** `POST /api/agent/dry-run/{id}/claim`: an agent is going to explain a statement. */
export function claimDryRun(app: App, { path, caller }: Call): Reply {
  const { request, dryRun } = find(app, path.id!) ?? {};
  if (!request || !dryRun) throw invalid("dry-run job not found");
  const agent = app.store.state.agents.find(({ id }) => id === caller.subjectId);
  const { database, environment } = request;
  if (!agent?.scopes.some((scope) => scope.database === database && scope.environment === environment))
    throw forbidden();
  if (dryRun.status !== "pending") throw conflict("already_claimed");
  Object.assign(dryRun, {
    status: "claimed",
    agentId: caller.subjectId,
    claimToken: randomUUID(),
    claimedAt: app.clock.timestamp(),
  } satisfies Partial<DryRunRecord>);
  app.store.changed();
  return ok({ claim_token: dryRun.claimToken });
}

export const DRY_RUN_RESULT = z.object({
  claim_token: z.string(),
  result: z.unknown().optional(),
  error: optionalText,
});

/** `POST /api/agent/dry-run/{id}/result`: how the database would execute it, or why it can't say. */
export function submitDryRun(app: App, { path, caller, body }: Call<z.infer<typeof DRY_RUN_RESULT>>): Reply {
  const { request, dryRun } = find(app, path.id!) ?? {};
  if (
    !request?.context ||
    dryRun?.status !== "claimed" ||
    dryRun.agentId !== caller.subjectId ||
    dryRun.claimToken !== body.claim_token
  )
    throw conflict("claim_token mismatch or job not claimed");
  if (body.error != null) Object.assign(dryRun, { status: "failed", error: body.error });
  else Object.assign(dryRun, { status: "completed", result: body.result ?? {} });
  const { context } = request;
  const statuses = context.dryRuns.map(({ status }) => status);
  if (statuses.every((status) => status === "completed")) context.status = "ready";
  else if (statuses.every((status) => status === "completed" || status === "failed"))
    context.status = "partial";
  app.store.changed();
  return { status: 200 };
}

function find({ store }: App, id: string): { request: RequestRecord; dryRun: DryRunRecord } | undefined {
  for (const request of store.state.requests) {
    const dryRun = request.context?.dryRuns.find((each) => each.id === id);
    if (dryRun) return { request, dryRun };
  }
  return undefined;
}

/**
 * Hands out again the statements that an agent dropped, and ends the wait for those that no agent explains.
 */
export function reclaimDryRuns({ store, clock }: App): void {
  for (const { context, createdAt } of store.state.requests) {
    if (context?.status !== "collecting") continue;
    for (const dryRun of context.dryRuns)
      if (dryRun.status === "claimed" && clock.since(dryRun.claimedAt!) > CLAIM_MS) {
        dryRun.status = "pending";
        store.changed();
      }
    if (clock.since(createdAt) > COLLECT_MS) {
      context.status = "unavailable";
      store.changed();
    }
  }
}
