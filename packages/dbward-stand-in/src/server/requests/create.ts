import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { App } from "../app/app.ts";
import { mostSpecific } from "../config/policies.ts";
import type { Permission } from "../config/roles.ts";
import { currentStep, findWorkflow, isAutomatic, operationOf } from "../config/workflows.ts";
import { conflict, created, forbidden, invalid, ok, Refusal, type Reply } from "../http/answer.ts";
import { NAME, optionalText } from "../http/fields.ts";
import type { Call } from "../http/router.ts";
import type {
  DryRunRecord,
  Operation,
  RequestContext,
  RequestRecord,
  Scope,
  Workflow,
} from "../state/records.ts";
import { happen } from "./life.ts";
import { review } from "./review.ts";
import { type Classification, classify, tableNames } from "./sql.ts";

export const NEW_REQUEST = z.object({
  database: z.string(),
  environment: z.string(),
  operation: z.string().default(""),
  detail: z.string(),
  reason: optionalText,
  idempotency_key: optionalText,
  metadata: z.unknown().optional(),
  emergency: z.boolean().default(false),
  allow_ddl: z.boolean().default(false),
  no_result_store: z.boolean().default(false),
  share_with: z.array(z.string()).default([]),
});
type NewRequest = z.infer<typeof NEW_REQUEST>;

const MAX_DETAIL_BYTES = 100_000;
const MAX_REASON_BYTES = 1024;
/** Who a result may be shared with. */
const SELECTOR = /^(?:requester|(?:role|group|user):.+)$/s;

/** `POST /api/requests`. */
export async function createRequest(app: App, call: Call<NewRequest>): Promise<Reply> {
  const { body, caller } = call;
  if (app.draining)
    throw new Refusal({
      status: 503,
      json: { error: "server_shutting_down", code: "service_unavailable" },
    });
  const asked = readOperation(body);
  checkLengths(body);
  if (body.emergency && body.allow_ddl) app.metrics.breakGlassDdlAttempts++;
  const classification = asked.startsWith("migrate_") ? undefined : await classify(body.detail);
  const operation = classification?.operation ?? asked;
  const context = assess(app, body, classification);
  checkPermissions(caller, body, operation, classification);
  const badSelector = body.share_with.find((selector) => !SELECTOR.test(selector));
  if (badSelector !== undefined) throw invalid(`invalid share_with selector '${badSelector}'`);
  if (body.emergency && body.reason == null) throw invalid("reason is required for emergency requests");
  if (operation === "migrate_repair" && !body.emergency)
    throw invalid("migrate_repair requires emergency flag (break-glass)");
  checkRegistered(app, body);

  const existing = findSameKey(app, call);
  if (existing) return ok(view(existing, true));

  const workflow = findWorkflow(app.config.workflows, body, operation);
  if (!workflow && !body.emergency)
    throw invalid(`no workflow configured for ${body.database}/${body.environment}`);
  if (workflow?.requireReason && body.reason == null) throw invalid("reason is required by workflow policy");
  const request = store(app, call, { operation, workflow, classification, context });
  app.audit.record({
    type: "request.created",
    category: "approval",
    actor: caller.subjectId,
    request,
    peer: call.peer,
  });
  return created(view(request, false));
}

function readOperation({ database, environment, operation }: NewRequest): Operation {
  for (const [what, name] of [
    ["database", database],
    ["environment", environment],
  ] as const)
    if (!NAME.test(name)) throw invalid(`invalid ${what} name`);
  const known = operation === "" ? "execute_select" : operationOf(operation);
  if (!known) throw invalid(`unknown operation '${operation}'`);
  return known;
}

function checkLengths({ detail, reason, allow_ddl, emergency }: NewRequest): void {
  if (Buffer.byteLength(detail) > MAX_DETAIL_BYTES) throw invalid("query too long (max 100KB)");
  if (Buffer.byteLength(reason ?? "") > MAX_REASON_BYTES) throw invalid("reason too long (max 1KB)");
  if (allow_ddl && !emergency) throw invalid("--allow-ddl requires --emergency");
}

/**
 * Reviews the SQL.
 * @throws Refusal 400 when the policy blocks it, unless an emergency may change the schema
 */
function assess(
  { config }: App,
  body: NewRequest,
  classification: Classification | undefined,
): RequestContext | null {
  if (!classification) return body.no_result_store ? null : contextOf([], [], []);
  const { statements } = classification;
  const findings = review(statements, mostSpecific(config.reviewPolicies, body)?.rules);
  const blocking = findings.filter(({ action }) => action === "block");
  const bypassed = body.emergency && body.allow_ddl && classification.ddlOnly;
  if (blocking.length > 0 && !bypassed)
    throw invalid(`SQL blocked by review: ${blocking.map(({ message }) => message).join("; ")}`);
  if (body.no_result_store) return null;
  const workflow = findWorkflow(config.workflows, body, classification.operation);
  const explained = workflow?.explain === false ? [] : statements.map(({ text }) => text);
  return contextOf(tableNames(statements), findings, explained);
}

function contextOf(
  tables: readonly string[],
  findings: RequestContext["findings"],
  explained: readonly string[],
): RequestContext {
  const dryRuns = explained.map((sql): DryRunRecord => ({ id: randomUUID(), sql, status: "pending" }));
  return {
    tables,
    findings: findings.map(({ rule, message }) => ({ rule, message })),
    dryRuns,
    status: dryRuns.length > 0 ? "collecting" : "ready",
  };
}

function checkPermissions(
  caller: Call["caller"],
  body: NewRequest,
  operation: Operation,
  classification: Classification | undefined,
): void {
  const needed: Permission[] = [];
  if (body.emergency)
    needed.push(operation === "execute_select" ? "request.break_glass_query" : "request.break_glass_dml");
  else if (operation === "execute_select") needed.push("request.query");
  else needed.push(classification?.ddlOnly ? "request.ddl" : "request.dml");
  if (classification?.ddl && !classification.ddlOnly) needed.push("request.ddl");
  if (body.allow_ddl) needed.push("request.break_glass_ddl");
  if (needed.some((permission) => !caller.mayIn(permission, body))) throw forbidden();
}

function checkRegistered({ config }: App, { database, environment }: Scope): void {
  const isRegistered = config.databases.some(
    (each) => each.database === database && each.environment === environment,
  );
  if (!isRegistered) throw invalid(`database '${database}' not registered in environment '${environment}'`);
}

function findSameKey({ store }: App, { body, caller }: Call<NewRequest>): RequestRecord | undefined {
  if (body.idempotency_key == null) return undefined;
  const existing = store.state.requests.find(
    ({ requester, idempotencyKey }) =>
      requester === caller.subjectId && idempotencyKey === body.idempotency_key,
  );
  if (existing && existing.detail !== body.detail)
    throw conflict("idempotency key conflict: same key used with different SQL");
  return existing;
}

function store(
  app: App,
  { body, caller }: Call<NewRequest>,
  {
    operation,
    workflow,
    classification,
    context,
  }: {
    operation: Operation;
    workflow: Workflow | undefined;
    classification: Classification | undefined;
    context: RequestContext | null;
  },
): RequestRecord {
  const now = app.clock.timestamp();
  const waits = !body.emergency && workflow !== undefined && !isAutomatic(workflow);
  const ttl = workflow?.pendingTtlSecs ?? app.config.approvalTtlSecs;
  const request: RequestRecord = {
    id: randomUUID(),
    requester: caller.subjectId,
    database: body.database,
    environment: body.environment,
    operation,
    detail: body.detail,
    emergency: body.emergency,
    reason: body.reason ?? null,
    shareWith: body.share_with,
    noResultStore: body.no_result_store,
    idempotencyKey: body.idempotency_key ?? null,
    workflow: workflow ?? null,
    plan: classification ? classification.statements.map(({ text }) => text) : null,
    context,
    createdAt: now,
    expiresAt: waits ? app.clock.timestamp(ttl * 1_000) : null,
    status: waits ? "pending" : "approved",
    updatedAt: now,
    dispatchedAt: null,
    resolvedAt: null,
    approvals: [],
    executions: [],
  };
  app.store.state.requests.push(request);
  app.store.changed();
  if (!waits) happen(app, request, "dispatch");
  return request;
}

function view(request: RequestRecord, idempotent: boolean) {
  return {
    id: request.id,
    status: request.status,
    operation: request.operation,
    approvers: nextApprovers(request),
    idempotent,
    expires_at: request.expiresAt,
  };
}

/** Selectors of the step that a pending request waits for. */
export function nextApprovers({ status, workflow, approvals }: RequestRecord): string[] {
  if (status !== "pending" || !workflow) return [];
  return workflow.steps[currentStep(workflow, approvals)]?.approvers.map(({ selector }) => selector) ?? [];
}
