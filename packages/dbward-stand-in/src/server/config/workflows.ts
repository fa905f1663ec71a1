import { createHash } from "node:crypto";
import type { ConfigTable } from "@dbward-aws/dbward-config";
import type { ApprovalRecord, Operation, Scope, Step, Workflow } from "../state/records.ts";
import { scopeOf, weight } from "./policies.ts";
import { flag, number, table, tables, text, texts } from "./tables.ts";

/** Names that dbward takes for operations, old ones included; undefined for others. */
export function operationOf(name: string): Operation | undefined {
  return OPERATION_NAMES.get(name);
}

const OPERATION_NAMES = new Map<string, Operation>([
  ["execute_select", "execute_select"],
  ["execute_query", "execute_select"],
  ["execute", "execute_select"],
  ["query", "execute_select"],
  ["execute_dml", "execute_dml"],
  ["migrate_up", "migrate_up"],
  ["migrate_down", "migrate_down"],
  ["migrate_status", "migrate_status"],
  ["migrate_repair", "migrate_repair"],
]);

export function readWorkflow(workflow: ConfigTable): Workflow {
  const scope = scopeOf(workflow);
  const operations = texts(workflow, "operations").flatMap((name) => operationOf(name) ?? []);
  const autoApprove = table(workflow, "auto_approve");
  const digest = createHash("sha256").update(operations.join()).digest("hex").slice(0, 12);
  return {
    id: `wf:${scope.database}:${scope.environment}:${digest}`,
    ...scope,
    operations,
    autoApprove: autoApprove
      ? { mode: text(autoApprove, "mode") ?? "always", risk: text(autoApprove, "risk") ?? null }
      : null,
    steps: tables(workflow, "steps").map(readStep),
    requireReason: flag(workflow, "require_reason"),
    allowSelfApprove: flag(workflow, "allow_self_approve"),
    allowSameApproverAcrossSteps: flag(workflow, "allow_same_approver_across_steps"),
    explain: flag(workflow, "explain", true),
    pendingTtlSecs: number(workflow, "pending_ttl_secs") ?? null,
    statementTimeoutSecs: number(workflow, "statement_timeout_secs") ?? null,
  };
}

function readStep(step: ConfigTable): Step {
  return {
    mode: text(step, "mode") === "any" ? "any" : "all",
    approvers: tables(step, "approvers").map((approver) => ({
      selector: SELECTORS.flatMap((kind) => {
        const name = text(approver, kind);
        return name === undefined ? [] : [`${kind}:${name}`];
      })[0]!,
      min: Math.max(number(approver, "min") ?? 1, 1),
    })),
  };
}

const SELECTORS = ["role", "group", "user"];

/** The workflow that fits best; one that names the operation before one for all. */
export function findWorkflow(
  workflows: readonly Workflow[],
  scope: Scope,
  operation: Operation,
): Workflow | undefined {
  const specificity = (workflow: Workflow) => weight(workflow) + (workflow.operations.length > 0 ? 1 : 0);
  return workflows
    .filter(
      ({ database, environment, operations }) =>
        (database === "*" || database === scope.database) &&
        (environment === "*" || environment === scope.environment) &&
        (operations.length === 0 || operations.includes(operation)),
    )
    .reduce<Workflow | undefined>(
      (best, each) => (best && specificity(best) > specificity(each) ? best : each),
      undefined,
    );
}

/** Whether a workflow lets a request through without anybody. */
export function isAutomatic({ autoApprove }: Workflow): boolean {
  return autoApprove?.mode === "always";
}

/** Approvals that a selector has in a step. */
export function countOf(approvals: readonly ApprovalRecord[], step: number, selector: string): number {
  return approvals.filter(
    (approval) => approval.step === step && approval.action === "approve" && approval.selector === selector,
  ).length;
}

export function isSatisfied(step: Step, index: number, approvals: readonly ApprovalRecord[]): boolean {
  const enough = ({ selector, min }: Step["approvers"][number]) => countOf(approvals, index, selector) >= min;
  return step.mode === "any" ? step.approvers.some(enough) : step.approvers.every(enough);
}

/** Index of the first step that isn't satisfied; the number of steps when all are. */
export function currentStep({ steps }: Workflow, approvals: readonly ApprovalRecord[]): number {
  const index = steps.findIndex((step, at) => !isSatisfied(step, at, approvals));
  return index === -1 ? steps.length : index;
}
