import type { TableNode } from "../toml/nodes.ts";

/** What a workflow or a policy is for, as a key: left out means `*`. */
export function scopeOf(table: TableNode): string {
  return JSON.stringify([nameIn(table, "database"), nameIn(table, "environment")]);
}

function nameIn(table: TableNode, field: string): string {
  return table.text(field)?.value ?? "*";
}
