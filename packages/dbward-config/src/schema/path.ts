import type { TomlKey } from "../toml/nodes.ts";

/** The way from the root to a place of a document. */
export interface Path {
  readonly parent?: Path;
  /** A key of the document, a name that should be there, or a place in an array. */
  readonly step?: TomlKey | string | number;
}

export const ROOT: Path = {};

/** The way on from a place, one or more steps. */
export function child(place: Path, ...steps: (TomlKey | string | number)[]): Path {
  return steps.reduce<Path>((parent, step) => ({ parent, step }), place);
}
