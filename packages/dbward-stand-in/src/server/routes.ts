import { agentRoutes } from "./agents/registry.ts";
import { agentCallRoutes } from "./agents/routes.ts";
import { schemaRoutes } from "./agents/schemas.ts";
import type { App } from "./app/app.ts";
import { auditRoutes } from "./audit.ts";
import { configRoutes } from "./config-reads.ts";
import { healthRoutes } from "./health.ts";
import type { AnyRoute } from "./http/router.ts";
import { metricsRoutes } from "./metrics.ts";
import { requestRoutes } from "./requests/routes.ts";
import { tokenRoutes } from "./tokens.ts";
import { userRoutes } from "./users.ts";

/** The HTTP API of dbward. */
export function routesOf(app: App): AnyRoute[] {
  return [
    healthRoutes,
    metricsRoutes,
    agentRoutes,
    userRoutes,
    tokenRoutes,
    requestRoutes,
    configRoutes,
    auditRoutes,
    schemaRoutes,
    agentCallRoutes,
  ].flatMap((routes) => routes(app));
}
