import { existsSync } from "node:fs";
import { join } from "node:path";
import { MIN_AGENT_VERSION, VERSION } from "../version.ts";
import type { App } from "./app/app.ts";
import { ok, type Reply } from "./http/answer.ts";
import { type AnyRoute, route } from "./http/router.ts";

/**
 * As long as a file of this name is in the state directory, `/ready` says that the database can't be read.
 */
const DEGRADED_FILE = "stand-in-degraded";

/** What needs no token. */
export function healthRoutes(app: App): AnyRoute[] {
  const health = (): Reply => ok({ status: "ok", version: VERSION, min_agent_version: MIN_AGENT_VERSION });

  function ready(): Reply {
    if (app.draining) return { status: 503, json: { status: "draining" } };
    const isReadable = app.store.readable && !existsSync(join(app.config.stateDirectory, DEGRADED_FILE));
    return isReadable
      ? ok({ status: "ok", checks: { sqlite: "ok" } })
      : { status: 503, json: { status: "degraded", checks: { sqlite: "unavailable" } } };
  }

  return [
    route({ method: "GET", path: "/health", by: "anyone", answer: health }),
    route({ method: "GET", path: "/ready", by: "anyone", answer: ready }),
  ];
}
