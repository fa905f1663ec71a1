import type { TableNode } from "../toml/nodes.ts";

/** The scope of a workflow or a policy, as a key; `*` for a part that is left out. */
export function scopeOf(table: TableNode): string {
  return JSON.stringify([nameIn(table, "database"), nameIn(table, "environment")]);
}

function nameIn(table: TableNode, field: string): string {
  return table.text(field)?.value ?? "*";
}
