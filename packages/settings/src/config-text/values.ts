import type { ConfigTable, ConfigValue } from "@dbward-aws/dbward-config";

export type Path = readonly (string | number)[];

/** Every text of a value, keys included, each with its path. */
export function* textsIn(value: ConfigValue, path: Path = []): Generator<{ path: Path; text: string }> {
  if (typeof value === "string") yield { path, text: value };
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* textsIn(item, [...path, index]);
  else if (typeof value === "object")
    for (const [key, item] of Object.entries(value)) {
      yield { path: [...path, key], text: key };
      yield* textsIn(item, [...path, key]);
    }
}

export function asTable(value: ConfigValue | undefined): ConfigTable {
  return typeof value === "object" && !Array.isArray(value) ? (value as ConfigTable) : {};
}

export function asArray(value: ConfigValue | undefined): readonly ConfigValue[] {
  return Array.isArray(value) ? value : [];
}
