import type { ConfigTable, ConfigValue } from "@dbward-aws/dbward-config";

/** Readers of a table that was checked: what has another type counts as left out. */

export function table(from: ConfigTable, name: string): ConfigTable | undefined {
  return asTable(from[name]);
}

export function tables(from: ConfigTable, name: string): readonly ConfigTable[] {
  return items(from[name])
    .map(asTable)
    .filter((item) => item !== undefined);
}

export function text(from: ConfigTable, name: string): string | undefined {
  const value = from[name];
  return typeof value === "string" ? value : undefined;
}

export function texts(from: ConfigTable, name: string): readonly string[] {
  return items(from[name]).filter((item) => typeof item === "string");
}

export function number(from: ConfigTable, name: string): number | undefined {
  const value = from[name];
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

export function flag(from: ConfigTable, name: string, fallback = false): boolean {
  const value = from[name];
  return typeof value === "boolean" ? value : fallback;
}

function items(value: ConfigValue | undefined): readonly ConfigValue[] {
  return Array.isArray(value) ? value : [];
}

function asTable(value: ConfigValue | undefined): ConfigTable | undefined {
  return typeof value === "object" && !Array.isArray(value) ? (value as ConfigTable) : undefined;
}
