import { NAME, OPERATIONS } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { table } from "../schema/table.ts";
import { refuseTwice } from "../schema/twice.ts";
import { anything, boolean, list, oneOf, text, u64 } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";
import { autoApprove } from "./auto-approve.ts";
import { scopeOf } from "./scope.ts";
import { checkSteps } from "./workflow-steps.ts";

/** Names that dbward still accepts for `execute_select`. */
const OLD_NAMES = ["execute_query", "execute", "query"];

/** `[[workflows]]`. */
export const workflows = list(
  table(
    {
      database: text.where(NAME),
      environment: text.where(NAME),
      operations: list(oneOf("workflow-operation", [...OPERATIONS, ...OLD_NAMES])),
      auto_approve: autoApprove,
      steps: list(anything),
      require_reason: boolean,
      allow_self_approve: boolean,
      allow_same_approver_across_steps: boolean,
      explain: boolean,
      pending_ttl_secs: u64,
      statement_timeout_secs: u64,
    },
    { strict: true, rules: [checkApproval, checkSteps] },
  ),
);

function checkApproval(workflow: TableNode, path: Path, report: Report): void {
  // Steps of another type are reported elsewhere.
  const steps = workflow.get("steps");
  const hasSteps = steps !== undefined && (steps.kind !== "array" || steps.items.length > 0);
  const mode = workflow.table("auto_approve")?.text("mode")?.value;
  if (!workflow.get("auto_approve") && !hasSteps) {
    report.add(
      workflow,
      path,
      "workflow-approval",
      `${report.render(path)} must define how requests are approved: with [workflows.auto_approve], with [[workflows.steps]], or with both.`,
    );
  } else if (mode === "always" && hasSteps) {
    report.add(
      workflow,
      path,
      "workflow-always",
      `${report.render(path)} approves every request with mode = "always", so its steps are never reached. Remove them, or use mode = "risk_based".`,
    );
  } else if (mode === "risk_based" && !hasSteps) {
    report.add(
      workflow,
      path,
      "workflow-risk",
      `${report.render(path)} with mode = "risk_based" must have [[workflows.steps]] for the requests that are too risky. Add them, or use mode = "always".`,
    );
  }
}

interface Place {
  readonly workflow: TableNode;
  readonly path: Path;
}

/** A rule for the whole file: there must be at most one workflow for every operation. */
export function checkWorkflowScopes(config: TableNode, root: Path, report: Report): void {
  const scopes = new Map<string, Place[]>();
  for (const { table: workflow, index } of config.tables("workflows")) {
    const place = { workflow, path: child(root, "workflows", index) };
    const places = scopes.get(scopeOf(workflow));
    if (places) places.push(place);
    else scopes.set(scopeOf(workflow), [place]);
  }
  for (const places of scopes.values()) {
    checkAllOperations(places, report);
    checkTwice(places, report);
    checkOldNames(places, report);
  }
}

function checkAllOperations(places: readonly Place[], report: Report): void {
  if (places.length < 2) return;
  for (const { workflow, path } of places) {
    if (workflow.items("operations").length > 0) continue;
    report.add(
      workflow,
      path,
      "workflow-catchall",
      `${report.render(path)} names no operations, so it applies to all of them, and there is another workflow for the same database and environment. Name the operations of each, or keep one workflow.`,
    );
  }
}

function checkTwice(places: readonly Place[], report: Report): void {
  const operations = places.flatMap(({ workflow, path }) =>
    workflow.texts("operations").map(({ text: operation, index }) => ({
      key: operation.value,
      at: operation,
      path: child(path, "operations", index),
    })),
  );
  refuseTwice(
    operations,
    "workflow-operation-twice",
    report,
    "is, for the same database and environment, the same operation as",
  );
}

/** dbward stores the list with the current names, and only once for each scope. */
function checkOldNames(places: readonly Place[], report: Report): void {
  const seen = new Map<string, { written: string; path: Path }>();
  for (const { workflow, path } of places) {
    const operations = workflow.texts("operations").map(({ text: { value } }) => value);
    const stored = operations.map((name) => (OLD_NAMES.includes(name) ? "execute_select" : name)).join();
    const first = seen.get(stored);
    if (!first) seen.set(stored, { written: operations.join(), path });
    else if (first.written !== operations.join()) {
      report.add(
        workflow,
        path,
        "workflow-old-names",
        `${report.render(path)} has the operations of ${report.render(first.path)} under other names (${OLD_NAMES.join(", ")} mean execute_select). Remove one of the two.`,
      );
    }
  }
}
