import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { alternatives } from "../schema/types.ts";
import type { TableNode, TextNode, TomlNode } from "../toml/nodes.ts";

const MODES = ["any", "all"];
const SELECTORS = ["role", "group", "user"];

/** The steps of a workflow. dbward reads them after its start, and ignores many unknown values. */
export function checkSteps(workflow: TableNode, path: Path, report: Report): void {
  const steps = workflow.items("steps");
  for (const [index, step] of steps.entries()) checkStep(step, child(path, "steps", index), report);
  if (!workflow.isTrue("allow_same_approver_across_steps")) checkUsers(steps, child(path, "steps"), report);
}

function checkStep(step: TomlNode, path: Path, report: Report): void {
  const mode = step.kind === "table" ? step.text("mode") : undefined;
  if (mode && !MODES.includes(mode.value)) {
    report.expect(mode, child(path, "mode"), "workflow-step-mode", alternatives(MODES));
  }
  const approvers = step.kind === "table" ? step.items("approvers") : [];
  if (approvers.length === 0) {
    report.add(
      step,
      child(path, "approvers"),
      "workflow-step",
      `${report.render(child(path, "approvers"))} must be an array of at least one approver, such as [{ role = "approver" }].`,
    );
  }
  for (const [index, approver] of approvers.entries()) {
    checkApprover(approver, child(path, "approvers", index), report);
  }
}

function checkApprover(approver: TomlNode, path: Path, report: Report): void {
  if (!selectorOf(approver)) {
    report.add(
      approver,
      path,
      "workflow-approver",
      `${report.render(path)} must name its approvers with a string under ${alternatives(SELECTORS)}.`,
    );
    return;
  }
  const min = approver.kind === "table" ? approver.integer("min") : undefined;
  if (!min || min.value < 0n) return;
  // dbward stores only the lower 32 bits.
  const needed = min.value % 2n ** 32n;
  const place = child(path, "min");
  if (needed === 0n) {
    report.add(min, place, "workflow-min", `${report.render(place)} must be at least 1.`);
  } else if (needed > 1n && selectorOf(approver)?.selector === "user") {
    report.add(
      min,
      place,
      "workflow-min",
      `${report.render(place)} must be 1 for a user, who can approve a step only once.`,
    );
  }
}

/** The first selector with a string value counts. */
function selectorOf(approver: TomlNode): { selector: string; name: TextNode } | undefined {
  if (approver.kind !== "table") return undefined;
  for (const selector of SELECTORS) {
    const name = approver.text(selector);
    if (name) return { selector, name };
  }
  return undefined;
}

/** Nobody can approve two steps of one request. A request with a user in two steps would wait until it expires. */
function checkUsers(steps: readonly TomlNode[], path: Path, report: Report): void {
  const seen = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    for (const approver of step.kind === "table" ? step.items("approvers") : []) {
      const found = selectorOf(approver);
      if (found?.selector !== "user") continue;
      const first = seen.get(found.name.value) ?? index;
      seen.set(found.name.value, first);
      if (first === index) continue;
      report.add(
        found.name,
        child(path, index),
        "workflow-deadlock",
        `${report.render(child(path, first))} and ${report.render(child(path, index))} name the same user, who can approve only one of them, so no request passes both. Name another user, or set allow_same_approver_across_steps = true.`,
      );
    }
  }
}
