import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { required, table } from "../schema/table.ts";
import { alternatives, boolean, i64, oneOf, type Type, text, wrongType } from "../schema/types.ts";
import type { TomlNode } from "../toml/nodes.ts";

const MODES = ["always", "risk_based"];

const riskBased = table(
  {
    mode: oneOf("auto-approve-mode", MODES),
    risk: required(oneOf("auto-approve-risk", ["low", "medium", "high"])),
    allow_read_only: boolean,
    allow_safe_ddl: boolean,
    max_estimated_rows: i64,
  },
  { strict: true, exactLength: true },
);

/** A table may hold anything beside the mode; an array may not. */
const always = table({ mode: text }, { exactLength: true });

/** `[workflows.auto_approve]`. Its `mode` decides about the other fields: with `always` none of them is looked at. */
export const autoApprove: Type = {
  read(node, path, report) {
    if (node.kind !== "table" && node.kind !== "array") return wrongType(node, path, report, "a table");
    const mode = node.kind === "table" ? node.get("mode") : node.items[0];
    if (!mode) return missingMode(node, path, report);
    if (mode.kind !== "text") return wrongType(mode, child(path, "mode"), report, "a string");
    if (mode.value === "always") return always.read(node, path, report);
    if (mode.value === "risk_based") return riskBased.read(node, path, report);
    report.expect(mode, child(path, "mode"), "auto-approve-mode", alternatives(MODES));
    return undefined;
  },
};

function missingMode(node: TomlNode, path: Path, report: Report): undefined {
  const place = child(path, "mode");
  report.add(
    node,
    place,
    "required",
    `${report.render(place)} is missing. It must be ${alternatives(MODES)}.`,
  );
  return undefined;
}

/** The mode of a sound `auto_approve`. */
export function autoApproveMode(node: TomlNode | undefined): string | undefined {
  if (node?.kind === "table") return node.text("mode")?.value;
  const [first] = node?.kind === "array" ? node.items : [];
  return first?.kind === "text" ? first.value : undefined;
}
