import { z } from "zod";
import { agentStatus } from "../app/agent-status.ts";
import type { App } from "../app/app.ts";
import { countOf, currentStep, isSatisfied } from "../config/workflows.ts";
import { forbidden, ok, type Reply } from "../http/answer.ts";
import { EVERYWHERE } from "../http/caller.ts";
import { booleanParameter, numberParameter, textParameter } from "../http/fields.ts";
import type { Call } from "../http/router.ts";
import type { RequestContext, RequestRecord, Workflow } from "../state/records.ts";
import { nextApprovers } from "./create.ts";
import { findRequest, isOver } from "./life.ts";

const MAX_WAIT_SECS = 120;

export const LOOK_QUERY = z.object({ wait: numberParameter });

/** `GET /api/requests/{id}`; with `wait` when the status changes, or when the time is over. */
export async function lookAtRequest(
  app: App,
  { path, query, caller }: Call<undefined, z.infer<typeof LOOK_QUERY>>,
): Promise<Reply> {
  const request = findVisible(app, path.id!, caller);
  const seconds = Math.min(query.wait ?? 0, MAX_WAIT_SECS);
  if (seconds > 0 && !isOver(request.status) && request.status !== "execution_lost")
    await app.events.nextChange(request.id, (end) => app.clock.after(seconds * 1_000, end));
  return ok(view(app, findVisible(app, path.id!, caller)));
}

/** @throws Refusal 404, or 403 when the caller may not see it */
export function findVisible(app: App, id: string, caller: Call["caller"]): RequestRecord {
  const request = findRequest(app, id);
  if (!caller.mayIn("request.view", request)) throw forbidden();
  if (!isInvolved(request, caller) && !caller.mayWith("request.view", request, request.requester))
    throw forbidden();
  return request;
}

/** Whether the caller has asked for it, has decided about it, or is one of those whom it waits for. */
function isInvolved(request: RequestRecord, caller: Call["caller"]): boolean {
  return (
    request.requester === caller.subjectId ||
    isAwaited(request, caller) ||
    request.approvals.some(({ user }) => user === caller.subjectId)
  );
}

function isAwaited(request: RequestRecord, { selectors }: Call["caller"]): boolean {
  return nextApprovers(request).some((selector) => selectors.includes(selector));
}

function view(app: App, request: RequestRecord) {
  return {
    id: request.id,
    requester: request.requester,
    database: request.database,
    environment: request.environment,
    operation: request.operation,
    detail: request.detail,
    status: request.status,
    queue_hint: queueHint(app, request),
    emergency: request.emergency,
    reason: request.reason,
    share_with: request.shareWith,
    no_result_store: request.noResultStore,
    created_at: request.createdAt,
    updated_at: request.updatedAt,
    expires_at: request.expiresAt,
    approval_progress: request.workflow && progressOf(request.workflow, request),
    context: request.context && contextView(request.context),
    decision_trace: {
      version: 1,
      classification: { resolved_operation: request.operation },
      workflow: { matched: request.workflow && { id: request.workflow.id } },
    },
  };
}

/** Why no agent takes a dispatched request; null when one could. */
function queueHint(app: App, { status, database, environment }: RequestRecord): string | null {
  if (status !== "dispatched") return null;
  const statuses = app.store.state.agents
    .filter(({ scopes }) =>
      scopes.some((scope) => scope.database === database && scope.environment === environment),
    )
    .map((agent) => agentStatus(app, agent));
  if (statuses.every((each) => each === "offline")) return "no_agents";
  for (const hint of ["draining", "saturated"] as const)
    if (statuses.every((each) => each === hint)) return `agents_${hint}`;
  return null;
}

function progressOf(workflow: Workflow, { approvals }: RequestRecord) {
  return {
    current_step: currentStep(workflow, approvals),
    total_steps: workflow.steps.length,
    steps: workflow.steps.map((step, index) => ({
      index,
      mode: step.mode,
      satisfied: isSatisfied(step, index, approvals),
      approvers_required: step.approvers.map(({ selector, min }) => ({
        selector,
        min,
        current: countOf(approvals, index, selector),
      })),
      approvals: approvals
        .filter((approval) => approval.step === index)
        .map(({ user, action, at, comment }) => ({ user, action, at, comment })),
    })),
  };
}

function contextView({ status, tables, findings, dryRuns }: RequestContext) {
  const done = dryRuns.length > 0 && status !== "collecting";
  return {
    status,
    explain_enabled: status !== "ready" || done,
    tables,
    sql_review: { findings, blocked: false },
    // How risky a statement is hangs on the size of its tables, which the stand-in doesn't know.
    risk: { level: "Unknown", factors: [] },
    explain: done
      ? dryRuns.map(({ sql, result, error }) =>
          error === undefined ? { sql, plan: result } : { sql, error },
        )
      : null,
  };
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;

export const LIST_QUERY = z.object({
  limit: numberParameter,
  offset: numberParameter,
  status: textParameter,
  user: textParameter,
  pending_for_me: booleanParameter,
});

/** `GET /api/requests`: those that the caller may see, the newest first. */
export function listRequests(
  { store }: App,
  { query, caller }: Call<undefined, z.infer<typeof LIST_QUERY>>,
): Reply {
  const { status, user } = query;
  const all = caller.mayWith("request.view", EVERYWHERE, "");
  const requests = store.state.requests.toReversed().filter((request) => {
    if (query.pending_for_me) return request.status === "pending" && isAwaited(request, caller);
    if (!all && !isInvolved(request, caller)) return false;
    return (
      (status === undefined || request.status === status) &&
      (user === undefined || request.requester === user)
    );
  });
  const limit = Math.min(query.limit ?? DEFAULT_LIMIT, MAX_LIMIT);
  const offset = query.offset ?? 0;
  return ok({
    requests: requests.slice(offset, offset + limit).map(row),
    total: requests.length,
    limit,
    offset,
  });
}

function row(request: RequestRecord) {
  const { workflow, approvals } = request;
  return {
    id: request.id,
    requester: request.requester,
    database: request.database,
    environment: request.environment,
    operation: request.operation,
    detail: request.detail,
    status: request.status,
    created_at: request.createdAt,
    ...(request.status === "pending" && workflow
      ? {
          current_step: currentStep(workflow, approvals),
          total_steps: workflow.steps.length,
          next_approvers: nextApprovers(request),
        }
      : {}),
  };
}
