import { required, table } from "../schema/table.ts";
import { boolean, i64, oneOf, type Type, text, wrongType } from "../schema/types.ts";

/** A table may have any other keys; an array must have only the mode. */
const always = table({ mode: text }, { exactLength: true });

const riskBased = table(
  {
    mode: text,
    risk: required(oneOf("auto-approve-risk", ["low", "medium", "high"])),
    allow_read_only: boolean,
    allow_safe_ddl: boolean,
    max_estimated_rows: i64,
  },
  { strict: true, exactLength: true },
);

const BY_MODE: ReadonlyMap<string, Type> = new Map([
  ["always", always],
  ["risk_based", riskBased],
]);

const unknown = table({ mode: required(oneOf("auto-approve-mode", [...BY_MODE.keys()])) });

/** `[workflows.auto_approve]`. Its `mode` determines the other fields. */
export const autoApprove: Type = {
  read(node, path, report) {
    if (node.kind !== "table" && node.kind !== "array") return wrongType(node, path, report, "a table");
    const mode = node.kind === "table" ? node.get("mode") : node.items[0];
    const known = mode?.kind === "text" ? BY_MODE.get(mode.value) : undefined;
    return (known ?? unknown).read(node, path, report);
  },
};
