import type { TomlTable } from "smol-toml";

/** `value` when it is a table, else an empty one. */
export function asTable(value: unknown): TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
    ? (value as TomlTable)
    : {};
}

/** `value` when it is an array, else an empty one. */
export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A string somewhere in a document, with the keys that lead to it. */
export interface TextAt {
  readonly path: readonly string[];
  readonly text: string;
}

/** Every string of a table, its arrays and the tables below it. */
export function texts(value: unknown, path: readonly string[] = []): TextAt[] {
  if (typeof value === "string") return [{ path, text: value }];
  if (Array.isArray(value)) return value.flatMap((element) => texts(element, path));
  return Object.entries(asTable(value)).flatMap(([key, below]) => texts(below, [...path, key]));
}

/** Names of the variables that `text` takes from the environment, `${NAME}`. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]!);
}
