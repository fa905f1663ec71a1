import type { SchemaProblem } from "./schema-problems.ts";

/** Text of a file, where white space at the ends does no harm. */
const FILE_TEXT = "configToml";

/** The strings, at any depth, that begin or end with white space: AWS and dbward would not read them as they look. */
export function blankProblems(value: unknown, path: readonly string[] = []): SchemaProblem[] {
  if (typeof value === "string")
    return value === value.trim() || path.at(-1) === FILE_TEXT
      ? []
      : [{ path: path.join("."), message: "begins or ends with white space" }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => blankProblems(member, [...path, key]));
}
