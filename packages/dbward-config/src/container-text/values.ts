import type { ConfigTable, ConfigValue } from "../toml/nodes.ts";

export type Path = readonly (string | number)[];

/** A text in a configuration. */
export interface FoundText {
  readonly path: Path;
  readonly text: string;
  /** Whether it is the key at the end of the path, not the value there. */
  readonly isKey: boolean;
}

/** Every text of a value, keys included, each with its path. */
export function* textsIn(value: ConfigValue, path: Path = []): Generator<FoundText> {
  if (typeof value === "string") yield { path, text: value, isKey: false };
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* textsIn(item, [...path, index]);
  else if (typeof value === "object")
    for (const [key, item] of Object.entries(value)) {
      yield { path: [...path, key], text: key, isKey: true };
      yield* textsIn(item, [...path, key]);
    }
}

export function asTable(value: ConfigValue | undefined): ConfigTable {
  return typeof value === "object" && !Array.isArray(value) ? (value as ConfigTable) : {};
}

export function asArray(value: ConfigValue | undefined): readonly ConfigValue[] {
  return Array.isArray(value) ? value : [];
}
