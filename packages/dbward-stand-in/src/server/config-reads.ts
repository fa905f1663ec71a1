import type { App } from "./app/app.ts";
import { notFound, ok, type Reply } from "./http/answer.ts";
import { type AnyRoute, route } from "./http/router.ts";
import type { Workflow } from "./state/records.ts";

/** Calls that dbward answers and the stand-in doesn't: neither a deployment nor an agent makes them. */
const NOT_IMPLEMENTED = [
  ["GET", "/api/policy-resolution"],
  ["GET", "/api/roles"],
  ["GET", "/api/webhooks"],
  ["GET", "/api/webhook-deliveries"],
  ["GET", "/api/execution-policies"],
  ["GET", "/api/result-policies"],
  ["GET", "/api/notification-policies"],
  ["GET", "/api/sql-review-policies"],
  ["POST", "/api/preflight"],
  ["POST", "/api/webhooks/{id}/test"],
  ["POST", "/mcp"],
] as const;

/** The parts of the file that can be read, and the calls that the stand-in refuses with 501. */
export function configRoutes(app: App): AnyRoute[] {
  const refuse = (): Reply => ({ status: 501, json: { error: "not implemented", hint: null } });
  return [
    ...NOT_IMPLEMENTED.map(([method, path]) => route({ method, path, answer: refuse })),
    route({
      method: "GET",
      path: "/api/databases",
      permission: "request.view",
      answer: () => ok({ databases: app.config.databases }),
    }),
    route({
      method: "GET",
      path: "/api/workflows",
      permission: "workflow.read",
      answer: () => ok({ workflows: app.config.workflows.map(workflowView) }),
    }),
    route({
      method: "GET",
      path: "/api/groups",
      permission: "user.read",
      answer: () => ok({ groups: [...app.config.groups.keys()] }),
    }),
    route({
      method: "GET",
      path: "/api/groups/{name}",
      permission: "user.read",
      answer: ({ path: { name = "" } }) => {
        if (!app.config.groups.has(name)) throw notFound("group not found");
        const members = app.store.state.users.filter(({ groups }) => groups.includes(name));
        return ok({ name, members: members.map(({ id }) => id) });
      },
    }),
  ];
}

function workflowView({ autoApprove, ...workflow }: Workflow) {
  return {
    id: workflow.id,
    database: workflow.database,
    environment: workflow.environment,
    operations: workflow.operations,
    auto_approve: autoApprove && { mode: autoApprove.mode, max_risk_level: autoApprove.risk },
    steps: workflow.steps,
    require_reason: workflow.requireReason,
    allow_self_approve: workflow.allowSelfApprove,
    allow_same_approver_across_steps: workflow.allowSameApproverAcrossSteps,
    explain: workflow.explain,
    pending_ttl_secs: workflow.pendingTtlSecs,
    statement_timeout_secs: workflow.statementTimeoutSecs,
    approval_ttl_secs: null,
    created_at: null,
    updated_at: null,
  };
}
