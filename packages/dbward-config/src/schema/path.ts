import type { TomlKey } from "../toml/nodes.ts";

/** The way from the root to a place of a document. */
export interface Path {
  readonly parent?: Path;
  /** A key of the document, a name that should be there, or a place in an array. */
  readonly step?: TomlKey | string | number;
}

export const ROOT: Path = {};

export function child(parent: Path, step: TomlKey | string | number): Path {
  return { parent, step };
}
