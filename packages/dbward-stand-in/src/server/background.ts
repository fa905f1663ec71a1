import type { Log } from "../log.ts";
import { reclaimDryRuns } from "./agents/dry-runs.ts";
import { loseExecutions } from "./agents/jobs.ts";
import type { App } from "./app/app.ts";
import { can, type Event, happen } from "./requests/life.ts";
import type { RequestRecord } from "./state/records.ts";

const MINUTE_MS = 60_000;
/** How long a request waits for an agent before it waits for its requester again. */
const DISPATCH_MS = 300_000;

/** Starts what happens every minute. @returns what ends it */
export function startBackground(app: App, log: Log): () => void {
  return app.clock.every(MINUTE_MS, () => {
    try {
      app.store.refresh();
      loseExecutions(app);
      giveBack(app);
      expire(app);
      reclaimDryRuns(app);
      app.store.flush();
    } catch (error) {
      log("ERROR", "background task failed", { error: String(error) });
    }
  });
}

function giveBack(app: App): void {
  for (const request of app.store.state.requests)
    if (request.status === "dispatched" && app.clock.since(request.dispatchedAt!) > DISPATCH_MS)
      byItself(app, request, "giveBack", "request.dispatch_timeout");
}

function expire(app: App): void {
  for (const request of app.store.state.requests)
    if (request.status === "pending" && request.expiresAt !== null && app.clock.since(request.expiresAt) >= 0)
      byItself(app, request, "expire", "request.expired");
}

function byItself(app: App, request: RequestRecord, event: Event, type: string): void {
  if (!can(request, event)) return;
  happen(app, request, event);
  app.audit.record({ type, category: "approval", actor: "system", actorType: "system", request });
}
