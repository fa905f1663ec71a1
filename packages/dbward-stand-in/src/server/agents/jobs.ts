import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { App } from "../app/app.ts";
import {
  executionPolicy,
  isMigration,
  leaseSeconds,
  mostSpecific,
  statementTimeout,
} from "../config/policies.ts";
import { conflict, forbidden, notFound, ok, Refusal, type Reply, resultTooLarge } from "../http/answer.ts";
import { optionalText, u64 } from "../http/fields.ts";
import type { Call } from "../http/router.ts";
import { can, findRequest, happen, require } from "../requests/life.ts";
import type { ExecutionRecord, RequestRecord } from "../state/records.ts";
import { executionToken } from "./execution-token.ts";

/** `POST /api/agent/jobs/{id of a request}/claim`. */
export function claim(app: App, { path, caller, peer }: Call): Reply {
  if (app.draining) throw new Refusal({ status: 503, json: { error: "server_shutting_down" } });
  const agent = app.store.state.agents.find(({ id }) => id === caller.subjectId);
  if (!agent) throw notFound("agent not registered");
  const request = findRequest(app, path.id!);
  require(request, "claim");
  const { database, environment, operation } = request;
  if (!agent.scopes.some((scope) => scope.database === database && scope.environment === environment))
    throw forbidden();
  if (isMigration(operation) && hasRunningMigration(app, request))
    throw conflict("migration already running for this database");
  const policy = executionPolicy(app, request);
  const execution: ExecutionRecord = {
    id: randomUUID(),
    agentId: caller.subjectId,
    createdAt: app.clock.timestamp(),
    status: "claimed",
    leaseExpiresAt: app.clock.timestamp(leaseSeconds(policy, operation) * 1_000),
    finishedAt: null,
  };
  request.executions.push(execution);
  happen(app, request, "claim");
  app.audit.record({
    type: "request.claimed",
    category: "execution",
    actor: caller.subjectId,
    actorType: "agent",
    request,
    peer,
  });
  const planJson = request.plan && JSON.stringify(request.plan);
  return ok({
    execution_id: execution.id,
    request_id: request.id,
    execution_token: executionToken(app, request, planJson),
    operation,
    database,
    environment,
    detail: request.detail,
    statement_timeout_secs: statementTimeout(policy, operation),
    max_rows: policy.maxRows,
    lease_expires_at: execution.leaseExpiresAt,
    execution_plan: request.plan,
    execution_plan_json: planJson,
  });
}

function hasRunningMigration({ store }: App, { id, database, environment }: RequestRecord): boolean {
  return store.state.requests.some(
    (other) =>
      other.id !== id &&
      other.status === "running" &&
      isMigration(other.operation) &&
      other.database === database &&
      other.environment === environment,
  );
}

/** @throws Refusal 404, or 403 when another agent has it */
function findExecution(
  { store }: App,
  { path, caller }: Pick<Call, "path" | "caller">,
): { request: RequestRecord; execution: ExecutionRecord } {
  for (const request of store.state.requests) {
    const execution = request.executions.find(({ id }) => id === path.id);
    if (!execution) continue;
    if (execution.agentId !== caller.subjectId) throw forbidden();
    if (execution.status !== "claimed") throw conflict(`execution is ${execution.status}`);
    return { request, execution };
  }
  throw notFound("execution not found");
}

/** `POST /api/agent/jobs/{id of an execution}/heartbeat`: makes the lease longer. */
export function heartbeat(app: App, call: Call): Reply {
  const { request, execution } = findExecution(app, call);
  const seconds = leaseSeconds(executionPolicy(app, request), request.operation);
  execution.leaseExpiresAt = app.clock.timestamp(seconds * 1_000);
  app.store.changed();
  return ok({ cancelled: request.status === "cancelled" });
}

export const RESULT = z.object({
  success: z.boolean(),
  result_data: optionalText,
  error_message: optionalText,
  rows_affected: u64.nullish(),
  duration_ms: u64.nullish(),
});
type Result = z.infer<typeof RESULT>;

/** `POST /api/agent/jobs/{id of an execution}/result`: the end of an execution. */
export function submitResult(app: App, call: Call<Result>): Reply {
  const { body, caller } = call;
  const { request, execution } = findExecution(app, call);
  const event = body.success ? "succeed" : "fail";
  require(request, event);
  store(app, request, execution, body);
  execution.status = body.success ? "completed" : "failed";
  execution.finishedAt = app.clock.timestamp();
  happen(app, request, event);
  app.store.changed();
  app.audit.record({
    type: body.success ? "execution.completed" : "execution.failed",
    category: "execution",
    actor: caller.subjectId,
    actorType: "agent",
    resource: execution.id,
    request,
    metadata: { ...(body.duration_ms == null ? {} : { duration_ms: body.duration_ms }) },
    peer: call.peer,
  });
  if (request.status !== "cancelled")
    app.events.ended(request.id, {
      executionId: execution.id,
      success: body.success,
      data: body.success ? (body.result_data ?? undefined) : undefined,
      rowsAffected: body.success ? (body.rows_affected ?? null) : null,
      error: body.error_message ?? null,
    });
  return ok({ request_id: request.id, status: request.status });
}

const MAX_ERROR_LENGTH = 4096;

function store(
  app: App,
  request: RequestRecord,
  execution: ExecutionRecord,
  { success, ...body }: Result,
): void {
  const data = request.noResultStore ? undefined : (body.result_data ?? undefined);
  if (data !== undefined) {
    const size = Buffer.byteLength(data);
    const limit = app.config.maxPersistBytes;
    if (size > limit) throw resultTooLarge(`result size ${size} exceeds limit ${limit}`);
    const { deliveryMode } = mostSpecific(app.config.resultPolicies, request) ?? {};
    if (deliveryMode !== "stream" || !success) write(app, request, execution, data);
  } else if (!success) {
    const error = (body.error_message ?? "unknown error").slice(0, MAX_ERROR_LENGTH);
    write(app, request, execution, JSON.stringify({ success: false, error }));
  }
}

function write(app: App, request: RequestRecord, execution: ExecutionRecord, data: string): void {
  app.results.write(request.id, execution.id, data);
  execution.stored = { at: app.clock.timestamp(), bytes: Buffer.byteLength(data) };
}

/** Gives up executions whose agent has been silent for longer than its lease. */
export function loseExecutions(app: App): void {
  for (const request of app.store.state.requests)
    for (const execution of request.executions) {
      if (execution.status !== "claimed" || app.clock.since(execution.leaseExpiresAt) < 0) continue;
      execution.status = "failed";
      execution.finishedAt = app.clock.timestamp();
      app.store.changed();
      if (!can(request, "lose")) continue;
      happen(app, request, "lose");
      app.audit.record({
        type: "execution.lost",
        category: "agent",
        actor: "system",
        actorType: "system",
        resource: execution.id,
        request,
      });
    }
}
