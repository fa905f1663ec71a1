import type { TomlKey } from "../toml/nodes.ts";

/** The path from the root to a place in a document. */
export interface Path {
  readonly parent?: Path;
  /** A key of the document, the name of a missing key, or an index of an array. */
  readonly step?: TomlKey | string | number;
}

export const ROOT: Path = {};

/** A path with one or more further steps. */
export function child(place: Path, ...steps: (TomlKey | string | number)[]): Path {
  return steps.reduce<Path>((parent, step) => ({ parent, step }), place);
}
