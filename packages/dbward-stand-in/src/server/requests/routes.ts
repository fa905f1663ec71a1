import type { App } from "../app/app.ts";
import { type AnyRoute, route } from "../http/router.ts";
import { createRequest, NEW_REQUEST } from "./create.ts";
import { approve, cancel, DECISION, reject, resume } from "./decide.ts";
import { LIST_QUERY, LOOK_QUERY, listRequests, lookAtRequest } from "./look.ts";
import {
  CONTENT_QUERY,
  LIMIT_QUERY,
  listExecutions,
  listResults,
  resultContent,
  resultStream,
} from "./results.ts";

/** `/api/requests` and `/api/results`. */
export function requestRoutes(app: App): AnyRoute[] {
  const requests = "/api/requests";
  const request = `${requests}/{id}`;
  const required = { schema: DECISION };
  const optional = { schema: DECISION.optional(), optional: true };
  return [
    route({
      method: "POST",
      path: requests,
      body: { schema: NEW_REQUEST },
      answer: (call) => createRequest(app, call),
    }),
    route({
      method: "GET",
      path: requests,
      permission: "request.view",
      query: LIST_QUERY,
      answer: (call) => listRequests(app, call),
    }),
    route({ method: "GET", path: request, query: LOOK_QUERY, answer: (call) => lookAtRequest(app, call) }),
    route({
      method: "POST",
      path: `${request}/approve`,
      body: required,
      answer: (call) => approve(app, call),
    }),
    route({ method: "POST", path: `${request}/reject`, body: required, answer: (call) => reject(app, call) }),
    route({ method: "POST", path: `${request}/resume`, body: optional, answer: (call) => resume(app, call) }),
    route({ method: "POST", path: `${request}/cancel`, body: optional, answer: (call) => cancel(app, call) }),
    route({
      method: "GET",
      path: `${request}/result/content`,
      query: CONTENT_QUERY,
      answer: (call) => resultContent(app, call),
    }),
    route({ method: "GET", path: `${request}/result/stream`, answer: (call) => resultStream(app, call) }),
    route({
      method: "GET",
      path: `${request}/executions`,
      query: LIMIT_QUERY,
      answer: (call) => listExecutions(app, call),
    }),
    route({
      method: "GET",
      path: "/api/results",
      permission: "result.view",
      query: LIMIT_QUERY,
      answer: (call) => listResults(app, call),
    }),
  ];
}
