import { z } from "zod";
import type { Role } from "./access/roles.ts";
import type { App } from "./app.ts";
import {
  type ExecutionPolicy,
  executionPolicy,
  mostSpecific,
  type NotificationPolicy,
  type Policy,
  type ResultPolicy,
} from "./config/policies.ts";
import { forbiddenBecause, notFound, ok, Refusal, type Reply } from "./http/answer.ts";
import { NAME, textParameter } from "./http/fields.ts";
import { type AnyRoute, type Call, route } from "./http/router.ts";
import { findWorkflow, isAutomatic, operationOf, type Workflow } from "./requests/workflows.ts";
import type { Operation } from "./state/records.ts";

/** What the file owns can't be changed by calls. */
const CONFIG_ONLY: Reply = {
  status: 405,
  json: { error: "this resource is config-managed; update server.toml and restart", code: "config_only" },
};

const NOT_IMPLEMENTED: Reply = { status: 501, json: { error: "not implemented", hint: null } };

/** What of the file can be read, by roles with `workflow.read`. */
export function policyRoutes(app: App): AnyRoute[] {
  const list = (path: string, member: string, rows: () => readonly object[]): AnyRoute =>
    route({ method: "GET", path, permission: "workflow.read", answer: () => ok({ [member]: rows() }) });
  const owned = (method: "POST" | "PUT" | "DELETE", path: string): AnyRoute =>
    route({ method, path, answer: () => CONFIG_ONLY });
  const missing = (path: string): AnyRoute =>
    route({
      method: "GET",
      path,
      permission: "workflow.read",
      answer: ({ path: { id } }) => {
        throw notFound(`'${id}' not found`);
      },
    });
  return [
    list("/api/workflows", "workflows", () => app.config.workflows.map(workflowView)),
    list("/api/roles", "roles", () => [...app.config.roles.values()].map(roleView)),
    list("/api/webhooks", "webhooks", () => app.config.webhooks),
    list("/api/execution-policies", "execution_policies", () =>
      app.config.executionPolicies.map(executionPolicyView),
    ),
    list("/api/result-policies", "result_policies", () => app.config.resultPolicies.map(resultPolicyView)),
    list("/api/notification-policies", "notification_policies", () =>
      app.config.notificationPolicies.map(notificationPolicyView),
    ),
    list("/api/sql-review-policies", "sql_review_policies", () =>
      app.config.reviewPolicies.map((policy) => ({ ...idOf("sr", policy), ...policy, source: "config" })),
    ),
    ...["workflows", "webhooks", "roles"].map((name) => owned("POST", `/api/${name}`)),
    ...["execution", "result", "notification", "sql-review"].map((name) =>
      owned("POST", `/api/${name}-policies`),
    ),
    ...["webhooks", "result-policies", "notification-policies"].flatMap((name) => [
      missing(`/api/${name}/{id}`),
      owned("PUT", `/api/${name}/{id}`),
      owned("DELETE", `/api/${name}/{id}`),
    ]),
    ...["workflows", "execution-policies"].flatMap((name) => [
      route({ method: "GET", path: `/api/${name}/{id}`, answer: () => NOT_IMPLEMENTED }),
      route({ method: "PUT", path: `/api/${name}/{id}`, answer: () => NOT_IMPLEMENTED }),
      owned("DELETE", `/api/${name}/{id}`),
    ]),
    owned("DELETE", "/api/roles/{name}"),
    route({
      method: "GET",
      path: "/api/webhook-deliveries",
      permission: "metrics.view",
      answer: () => ok({ deliveries: [], total: 0 }),
    }),
    ...groupRoutes(app),
    route({
      method: "GET",
      path: "/api/databases",
      permission: "request.view",
      answer: () => ok({ databases: app.config.databases }),
    }),
    route({
      method: "GET",
      path: "/api/policy-resolution",
      query: RESOLUTION,
      answer: (call) => resolve(app, call),
    }),
    // What the stand-in doesn't have.
    ...["/mcp", "/api/preflight", "/api/webhooks/{id}/test"].map((path) =>
      route({ method: "POST", path, answer: () => NOT_IMPLEMENTED }),
    ),
  ];
}

function groupRoutes({ config, store }: App): AnyRoute[] {
  const permission = "user.read";
  return [
    route({
      method: "GET",
      path: "/api/groups",
      permission,
      answer: () => ok({ groups: [...config.groups.keys()] }),
    }),
    route({
      method: "GET",
      path: "/api/groups/{name}",
      permission,
      answer: ({ path: { name } }) => {
        if (!config.groups.has(name!)) throw notFound("group not found");
        const members = store.state.users.filter(({ groups }) => groups.includes(name!)).map(({ id }) => id);
        return ok({ name, members });
      },
    }),
  ];
}

function idOf(kind: string, { database, environment }: Policy) {
  return { id: `${kind}:${database}:${environment}` };
}

function workflowView(workflow: Workflow) {
  return {
    id: workflow.id,
    database: workflow.database,
    environment: workflow.environment,
    operations: workflow.operations,
    auto_approve: autoApproveView(workflow),
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

function autoApproveView({ autoApprove }: Workflow) {
  return autoApprove && { mode: autoApprove.mode, max_risk_level: autoApprove.risk };
}

function roleView({ name, permissions, databases, environments }: Role) {
  return {
    name,
    permissions: [...permissions].map(([perm, ownership]) => ({ perm, ownership })),
    databases,
    environments,
  };
}

function executionPolicyView(policy: ExecutionPolicy) {
  return {
    ...idOf("ep", policy),
    database: policy.database,
    environment: policy.environment,
    max_executions: policy.maxExecutions,
    execution_window_secs: policy.executionWindowSecs,
    retry_on_failure: policy.retryOnFailure,
    statement_timeout_secs: policy.statementTimeoutSecs,
    max_statement_timeout_secs: policy.maxStatementTimeoutSecs,
    max_rows: policy.maxRows,
    migration_lease_duration_secs: policy.migrationLeaseSecs,
    migration_statement_timeout_secs: policy.migrationStatementTimeoutSecs,
  };
}

function resultPolicyView(policy: ResultPolicy) {
  return {
    ...idOf("rp", policy),
    database: policy.database,
    environment: policy.environment,
    retention_days: policy.retentionDays,
    delivery_mode: policy.deliveryMode,
    access: policy.access,
  };
}

function notificationPolicyView(policy: NotificationPolicy) {
  return { ...idOf("np", policy), ...policy };
}

const RESOLUTION = z.object({ database: z.string(), environment: z.string(), operation: textParameter });

/** Operations whose workflow is shown where none is named. */
const SHOWN: readonly Operation[] = [
  "execute_select",
  "execute_dml",
  "migrate_up",
  "migrate_down",
  "migrate_status",
];

/** `GET /api/policy-resolution`: what would be decided about a request. */
function resolve({ config }: App, { query, caller }: Call<undefined, z.infer<typeof RESOLUTION>>): Reply {
  const { database, environment } = query;
  const operation = query.operation === undefined ? undefined : operationOf(query.operation);
  if (!NAME.test(database) || !NAME.test(environment) || (query.operation !== undefined && !operation))
    throw new Refusal({ status: 400, json: { error: "invalid name or operation", code: "validation" } });
  if (!caller.mayIn("request.view", query)) throw forbiddenBecause("forbidden");
  const registered = config.databases.some(
    (each) => each.database === database && each.environment === environment,
  );
  if (!registered)
    return ok({
      database,
      environment,
      registered,
      decision_preview: "deny",
      reason_code: "db_not_registered",
    });
  const policy = executionPolicy({ config }, query);
  const review = mostSpecific(config.reviewPolicies, query);
  const shared = {
    database,
    environment,
    registered,
    execution_policy: {
      statement_timeout_secs: policy.statementTimeoutSecs,
      migration_statement_timeout_secs: policy.migrationStatementTimeoutSecs,
      max_rows: policy.maxRows,
      matched_by: matchedBy(policy),
      explicit: config.executionPolicies.includes(policy),
    },
    sql_review_policy: review
      ? {
          ...idOf("sr", review),
          database: review.database,
          environment: review.environment,
          source: "config",
        }
      : { id: "builtin-default", database: "*", environment: "*", source: "builtin" },
  };
  if (!operation) return ok({ ...shared, resolutions: SHOWN.map((each) => resolution(each)) });
  return ok({ ...shared, ...resolution(operation) });

  function resolution(of: Operation) {
    const workflow = findWorkflow(config.workflows, query, of);
    const [decision, reason] = preview(workflow);
    return {
      operation: of,
      workflow_id: workflow?.id ?? null,
      matched_by: workflow ? matchedBy(workflow) : null,
      auto_approve: workflow ? autoApproveView(workflow) : null,
      decision_preview: decision,
      reason_code: reason,
    };
  }
}

function matchedBy({ database, environment }: Policy): string {
  return `(${database}, ${environment})`;
}

function preview(workflow: Workflow | undefined): [decision: string, reason: string] {
  if (!workflow) return ["deny", "no_matching_workflow"];
  if (isAutomatic(workflow)) return ["auto_approved", "explicit_always"];
  if (workflow.autoApprove) return ["may_auto_approve", "risk_unknown_until_analyzed"];
  return ["needs_approval", "no_auto_approve"];
}
