import { alternatives, type Type } from "../schema/types.ts";
import type { TomlNode } from "../toml/nodes.ts";

const FORMATS = ["text", "json"];

/** A format by its name. dbward also accepts a table whose only key is the name and whose value is empty. */
export const logFormat: Type = {
  read(node, path, report) {
    if (!isFormat(node)) report.expect(node, path, "logging-format", alternatives(FORMATS));
    return node;
  },
};

function isFormat(node: TomlNode): boolean {
  if (node.kind === "text") return FORMATS.includes(node.value);
  if (node.kind !== "table" || node.entries.size !== 1) return false;
  return FORMATS.some((name) => isEmpty(node.get(name)));
}

function isEmpty(node: TomlNode | undefined): boolean {
  return (
    (node?.kind === "table" && node.entries.size === 0) || (node?.kind === "array" && node.items.length === 0)
  );
}
