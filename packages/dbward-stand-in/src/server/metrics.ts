import type { App } from "./app/app.ts";
import { Refusal, type Reply } from "./http/answer.ts";
import { type AnyRoute, route } from "./http/router.ts";

/** `GET /metrics`, whose refusal has no `code`. */
export function metricsRoutes(app: App): AnyRoute[] {
  const type = "text/plain; version=0.0.4; charset=utf-8";
  return [
    route({
      method: "GET",
      path: "/metrics",
      answer: ({ caller }): Reply => {
        if (caller.may("metrics.view")) return { status: 200, text: app.metrics.text(app.store.state), type };
        throw new Refusal({ status: 403, json: { error: "metrics.view permission required" } });
      },
    }),
  ];
}
