import { z } from "zod";
import type { App } from "./app/app.ts";
import { ok, type Reply } from "./http/answer.ts";
import { numberParameter, textParameter } from "./http/fields.ts";
import { type AnyRoute, type Call, route } from "./http/router.ts";

const QUERY = z.object({
  actor_id: textParameter,
  event_type: textParameter,
  event_category: textParameter,
  outcome: textParameter,
  environment: textParameter,
  database: textParameter,
  since: textParameter,
  until: textParameter,
  limit: numberParameter,
  offset: numberParameter,
});
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

/** `/api/audit`. */
export function auditRoutes({ store, audit }: Pick<App, "store" | "audit">): AnyRoute[] {
  const permission = "audit.read";

  function list({ query }: Call<undefined, z.infer<typeof QUERY>>): Reply {
    const wanted = [
      ["actor_id", query.actor_id],
      ["event_type", query.event_type],
      ["event_category", query.event_category],
      ["outcome", query.outcome],
      ["environment", query.environment],
      ["database_name", query.database],
    ] as const;
    const events = store.state.audit.filter(
      (event) =>
        wanted.every(([name, value]) => value === undefined || event[name] === value) &&
        (query.since === undefined || event.created_at >= query.since) &&
        (query.until === undefined || event.created_at <= query.until),
    );
    const offset = query.offset ?? 0;
    const limit = Math.min(query.limit ?? DEFAULT_LIMIT, MAX_LIMIT);
    return ok({ events: events.toReversed().slice(offset, offset + limit) });
  }

  function verify(): Reply {
    const broken = audit.firstBroken();
    return ok({ total_events: store.state.audit.length, first_broken_id: broken, valid: broken === null });
  }

  return [
    route({ method: "GET", path: "/api/audit/events", permission, query: QUERY, answer: list }),
    route({ method: "GET", path: "/api/audit/verify", permission, answer: verify }),
  ];
}
