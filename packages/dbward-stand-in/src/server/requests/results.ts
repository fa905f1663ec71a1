import { z } from "zod";
import type { App } from "../app/app.ts";
import type { Outcome } from "../app/request-events.ts";
import { mostSpecific } from "../config/policies.ts";
import { conflict, forbidden, gone, notFound, ok, type Reply } from "../http/answer.ts";
import { numberParameter, textParameter } from "../http/fields.ts";
import type { Call } from "../http/router.ts";
import type { ExecutionRecord, RequestRecord } from "../state/records.ts";
import { findRequest } from "./life.ts";
import { findVisible } from "./look.ts";

const DAY_MS = 86_400_000;
const STREAM_MS = 300_000;

/**
 * Selectors of who may see the result beside its requester: those it was shared with, the policy's, its
 * approvers.
 */
function accessOf({ config }: App, request: RequestRecord): string[] {
  const policy = mostSpecific(config.resultPolicies, request);
  return [
    ...request.shareWith,
    ...(policy?.access ?? []),
    ...request.approvals.map(({ user }) => `user:${user}`),
  ];
}

function checkAccess(app: App, request: RequestRecord, caller: Call["caller"]): void {
  if (!caller.mayIn("result.view", request)) throw forbidden();
  const isNamed = accessOf(app, request).some((selector) => caller.selectors.includes(selector));
  if (!isNamed && !caller.mayWith("result.view", request, request.requester)) throw forbidden();
}

export const CONTENT_QUERY = z.object({ execution_id: textParameter });

/** `GET …/result/content`: what was kept. */
export function resultContent(
  app: App,
  { path, query, caller }: Call<undefined, z.infer<typeof CONTENT_QUERY>>,
): Reply {
  const request = findRequest(app, path.id!);
  if (!["executed", "failed", "execution_lost"].includes(request.status))
    throw notFound("result not available");
  return stored(app, request, caller, query.execution_id);
}

function stored(app: App, request: RequestRecord, caller: Call["caller"], executionId?: string): Reply {
  const policy = mostSpecific(app.config.resultPolicies, request);
  if (request.status !== "failed") {
    if (request.noResultStore) throw gone("result was not stored (no_result_store was set)");
    if (policy?.deliveryMode === "stream") throw gone("result not stored by policy (stream-only delivery)");
  }
  checkAccess(app, request, caller);
  const execution = executionOf(request, executionId);
  const { finishedAt } = execution;
  if (finishedAt !== null && app.clock.since(finishedAt) > (policy?.retentionDays ?? 30) * DAY_MS)
    throw gone("result expired (retention period exceeded)");
  const data = execution.stored && app.results.read(request.id, execution.id);
  if (data === undefined) throw notFound("result not found in storage");
  return ok(envelope(execution, parsed(data)));
}

function executionOf({ executions }: RequestRecord, id: string | undefined): ExecutionRecord {
  const execution =
    id === undefined
      ? executions.findLast(({ status }) => status !== "claimed")
      : executions.find((each) => each.id === id);
  if (!execution) throw notFound("execution not found");
  if (execution.status === "claimed") throw conflict("execution still in progress");
  return execution;
}

function envelope({ id, status }: ExecutionRecord, data: unknown) {
  const members = (typeof data === "object" && data !== null ? data : {}) as Record<string, unknown>;
  const success = status === "completed";
  return {
    _dbward_result: true,
    execution_id: id,
    success,
    result_data: success ? data : null,
    rows_affected: success ? (members.rows_affected ?? null) : null,
    truncated: success && members.truncated === true,
    error_message: success ? null : (members.error ?? members.error_message ?? null),
  };
}

/** `GET …/result/stream`: the result when it is there; 204 when it doesn't come or the server stops. */
export async function resultStream(app: App, { path, caller }: Call): Promise<Reply> {
  const request = findRequest(app, path.id!);
  checkAccess(app, request, caller);
  switch (request.status) {
    case "executed":
    case "failed":
      return stored(app, request, caller);
    case "rejected":
    case "cancelled":
    case "expired":
      return ok(streamed({ executionId: "", success: false, error: `request ${request.status}` }));
  }
  const outcome = await app.events.nextOutcome(request.id, (end) => app.clock.after(STREAM_MS, end));
  return outcome ? ok(streamed(outcome)) : { status: 204 };
}

function streamed({ executionId, success, data, rowsAffected = null, error }: Partial<Outcome>) {
  return {
    _dbward_result: true,
    execution_id: executionId,
    success,
    rows_affected: rowsAffected,
    truncated: false,
    error_message: error ?? null,
    result_data: data === undefined ? null : parsed(data),
  };
}

/** What an agent sent: JSON, or a text. */
function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

export const LIMIT_QUERY = z.object({ limit: numberParameter });
type LimitQuery = z.infer<typeof LIMIT_QUERY>;
const MAX_LIMIT = 100;

/** `GET …/executions`: the newest first. */
export function listExecutions(app: App, { path, query, caller }: Call<undefined, LimitQuery>): Reply {
  const { executions } = findVisible(app, path.id!, caller);
  return ok({
    executions: executions
      .toReversed()
      .slice(0, Math.min(query.limit ?? 20, MAX_LIMIT))
      .map(({ id, status, agentId, createdAt, finishedAt, stored }) => ({
        id,
        status,
        agent_id: agentId,
        created_at: createdAt,
        started_at: createdAt,
        finished_at: finishedAt,
        error_message: null,
        has_stored_result: stored !== undefined,
      })),
  });
}

/**
 * `GET /api/results`: what is kept of the caller's requests and of those shared with it, the newest first.
 */
export function listResults(app: App, { query, caller }: Call<undefined, LimitQuery>): Reply {
  const results = app.store.state.requests
    .filter(
      (request) =>
        request.requester === caller.subjectId ||
        [...request.shareWith, ...(mostSpecific(app.config.resultPolicies, request)?.access ?? [])].some(
          (selector) => caller.selectors.includes(selector),
        ),
    )
    .flatMap((request) => request.executions.flatMap(({ stored }) => (stored ? [{ request, stored }] : [])))
    .sort((a, b) => b.stored.at.localeCompare(a.stored.at))
    .slice(0, Math.min(query.limit ?? 50, MAX_LIMIT));
  return ok({
    results: results.map(({ request, stored }) => ({
      request_id: request.id,
      database: request.database,
      environment: request.environment,
      operation: request.operation,
      stored_at: stored.at,
      content_length: stored.bytes,
    })),
  });
}
