import type { App } from "../app/app.ts";
import { ok } from "../http/answer.ts";
import { type AnyRoute, route } from "../http/router.ts";
import { claimDryRun, DRY_RUN_RESULT, submitDryRun } from "./dry-runs.ts";
import { claim, heartbeat, RESULT, submitResult } from "./jobs.ts";
import { POLL, poll } from "./poll.ts";

const MEGABYTE = 1024 * 1024;

/** Agents' own calls. */
export function agentCallRoutes(app: App): AnyRoute[] {
  const by = "agent";
  const method = "POST";
  return [
    route({
      method: "GET",
      path: "/api/public-key",
      by,
      answer: () => ok({ public_key: app.signingKey.publicKey.toString("hex") }),
    }),
    route({ method, path: "/api/agent/poll", by, body: { schema: POLL }, answer: (call) => poll(app, call) }),
    route({ method, path: "/api/agent/jobs/{id}/claim", by, answer: (call) => claim(app, call) }),
    route({ method, path: "/api/agent/jobs/{id}/heartbeat", by, answer: (call) => heartbeat(app, call) }),
    route({
      method,
      path: "/api/agent/jobs/{id}/result",
      by,
      // A result is a text in JSON, where a character may take two.
      body: { schema: RESULT, maxBytes: () => app.config.maxPersistBytes * 2 + 2 * MEGABYTE },
      answer: (call) => submitResult(app, call),
    }),
    route({ method, path: "/api/agent/dry-run/{id}/claim", by, answer: (call) => claimDryRun(app, call) }),
    route({
      method,
      path: "/api/agent/dry-run/{id}/result",
      by,
      body: { schema: DRY_RUN_RESULT },
      answer: (call) => submitDryRun(app, call),
    }),
  ];
}
