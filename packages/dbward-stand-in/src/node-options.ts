import { extname } from "node:path";

/**
 * What Node needs to run an entry file: for sources, what makes TypeScript run and reads the sources of other
 * packages; a build needs nothing.
 */
export function nodeOptions(entry: string): string[] {
  if (extname(entry) !== ".ts") return [];
  return ["--conditions=@dbward-aws/source", "--import", import.meta.resolve("tsx")];
}
