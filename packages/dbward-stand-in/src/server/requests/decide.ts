import { z } from "zod";
import type { App } from "../app/app.ts";
import { executionPolicy } from "../config/policies.ts";
import { countOf, currentStep } from "../config/workflows.ts";
import { conflict, forbidden, gone, invalid, ok, type Reply } from "../http/answer.ts";
import type { Call } from "../http/router.ts";
import type { RequestRecord, Step, Workflow } from "../state/records.ts";
import { findRequest, happen, require } from "./life.ts";

/** Bodies of decisions are read loosely: what has another type counts as left out. */
const text = z.string().optional().catch(undefined);
export const DECISION = z.object({ comment: text, selector: text, reason: text }).catch({});
type Decision = z.infer<typeof DECISION>;

const MAX_COMMENT_BYTES = 1024;

/** `POST …/approve`. Approving needs no permission: whom the step names counts. */
export function approve(app: App, call: Call<Decision>): Reply {
  const { body, caller } = call;
  checkComment(body.comment);
  const request = findRequest(app, call.path.id!);
  require(request, "approve");
  checkTime(app, request);
  const { workflow, index, step } = stepOf(request);
  checkApprover(request, workflow, index, step, caller);
  const selector = chooseSelector(request, index, step, call);
  record(app, request, { step: index, action: "approve", selector }, call);
  const current = currentStep(workflow, request.approvals);
  if (current === workflow.steps.length) happen(app, request, "approve");
  return ok({
    id: request.id,
    status: request.status,
    approved_by: caller.subjectId,
    matched_selector: selector,
    step_completed: current,
    current_step: current,
    total_steps: workflow.steps.length,
  });
}

/** `POST …/reject`: what anybody can do who could approve. */
export function reject(app: App, call: Call<Decision>): Reply {
  checkComment(call.body.comment);
  const request = findRequest(app, call.path.id!);
  require(request, "reject");
  const { workflow, index, step } = stepOf(request);
  checkApprover(request, workflow, index, step, call.caller);
  checkTime(app, request);
  const selector = step.approvers
    .map((each) => each.selector)
    .find((each) => call.caller.selectors.includes(each))!;
  record(app, request, { step: index, action: "reject", selector }, call);
  happen(app, request, "reject");
  return ok({ id: request.id, status: request.status });
}

function checkComment(comment = ""): void {
  if (Buffer.byteLength(comment) > MAX_COMMENT_BYTES) throw invalid("comment too long (max 1024 bytes)");
}

function checkTime({ clock }: App, { expiresAt }: RequestRecord): void {
  if (expiresAt !== null && clock.since(expiresAt) >= 0) throw gone("request has expired");
}

function stepOf({ workflow, approvals }: RequestRecord): { workflow: Workflow; index: number; step: Step } {
  const index = workflow ? currentStep(workflow, approvals) : 0;
  const step = workflow?.steps[index];
  if (!workflow || !step) throw conflict("request has no approval workflow");
  return { workflow, index, step };
}

function checkApprover(
  { requester, approvals }: RequestRecord,
  workflow: Workflow,
  index: number,
  step: Step,
  { subjectId, selectors }: Call["caller"],
): void {
  const isOwn = requester === subjectId && !workflow.allowSelfApprove;
  const hasApproved = approvals.some(({ user, step: earlier }) => user === subjectId && earlier < index);
  const isNamed = step.approvers.some(({ selector }) => selectors.includes(selector));
  if (isOwn || !isNamed || (hasApproved && !workflow.allowSameApproverAcrossSteps)) throw forbidden();
  if (approvals.some(({ user, step: at }) => user === subjectId && at === index))
    throw conflict("already approved this step");
}

/** As what the caller approves: what the call says, else the one that is still missing. */
function chooseSelector(
  { approvals }: RequestRecord,
  index: number,
  step: Step,
  { body, caller }: Call<Decision>,
): string {
  const matching = step.approvers.filter(({ selector }) => caller.selectors.includes(selector));
  const missing = matching.filter(({ selector, min }) => countOf(approvals, index, selector) < min);
  if (body.selector !== undefined) {
    if (!matching.some(({ selector }) => selector === body.selector))
      throw invalid(`you do not match selector '${body.selector}'`);
    if (!missing.some(({ selector }) => selector === body.selector))
      throw conflict(`selector '${body.selector}' is already satisfied for this step`);
    return body.selector;
  }
  if (missing.length === 0) throw conflict("all approver groups you match are already satisfied");
  if (missing.length > 1)
    throw invalid(
      `you match several approvers: ${missing.map(({ selector }) => selector).join(", ")}. Say which by 'selector'.`,
    );
  return missing[0]!.selector;
}

function record(
  app: App,
  request: RequestRecord,
  decision: Pick<RequestRecord["approvals"][number], "step" | "action" | "selector">,
  { body, caller, peer }: Call<Decision>,
): void {
  request.approvals.push({
    ...decision,
    user: caller.subjectId,
    comment: body.comment ?? null,
    at: app.clock.timestamp(),
  });
  app.store.changed();
  app.audit.record({
    type: decision.action === "approve" ? "request.approved" : "request.rejected",
    category: "approval",
    actor: caller.subjectId,
    request,
    peer,
  });
}

/** `POST …/resume`: dispatches an approved request, or one that may be executed again. */
export function resume(app: App, call: Call<Decision | undefined>): Reply {
  const request = findMutable(app, call, "request.resume");
  require(request, "dispatch");
  const policy = executionPolicy(app, request);
  const done = request.executions.filter(({ status }) => status === "completed").length;
  if (done >= policy.maxExecutions) throw conflict("max executions reached");
  const { status, resolvedAt } = request;
  if (status !== "approved" && resolvedAt !== null) {
    if (app.clock.since(resolvedAt) > policy.executionWindowSecs * 1_000)
      throw gone("execution window expired");
    if (status === "failed" && !policy.retryOnFailure) throw conflict("retry on failure disabled");
  }
  happen(app, request, "dispatch");
  return finish(app, request, "request.dispatched", call);
}

/** `POST …/cancel`. */
export function cancel(app: App, call: Call<Decision | undefined>): Reply {
  if (Buffer.byteLength(call.body?.reason ?? "") > MAX_COMMENT_BYTES)
    throw invalid("reason too long (max 1024 bytes)");
  const request = findMutable(app, call, "request.cancel");
  happen(app, request, "cancel");
  return finish(app, request, "request.cancelled", call);
}

/** @throws Refusal 403 for another user's request, 400 when the reason is missing */
function findMutable(
  app: App,
  { path, caller, body }: Call<Decision | undefined>,
  permission: "request.resume" | "request.cancel",
): RequestRecord {
  const request = findRequest(app, path.id!);
  if (!caller.mayWith(permission, request, request.requester)) throw forbidden();
  if (request.requester !== caller.subjectId && body?.reason === undefined)
    throw invalid("a reason is required for the requests of others");
  return request;
}

function finish(app: App, request: RequestRecord, type: string, { caller, peer }: Call<unknown>): Reply {
  app.audit.record({ type, category: "approval", actor: caller.subjectId, request, peer });
  return ok({ id: request.id, status: request.status });
}
