import type { z } from "zod";
import type { Problem } from "../problems.ts";
import { suggest } from "../suggest.ts";

/** What the schema found, in words for the person who wrote the settings. */
export function schemaProblems(schema: z.ZodType, error: z.ZodError, given: unknown): Problem[] {
  return error.issues.flatMap((issue) => {
    const where = issue.path.join(".");
    if (issue.code === "unrecognized_keys") {
      const known = knownKeys(schema, issue.path);
      return issue.keys.map((key) => ({
        where: where ? `${where}.${key}` : key,
        message: `is not a setting${suggest(key, known) || `; there are: ${known.join(", ")}`}`,
      }));
    }
    const value = valueAt(given, issue.path);
    if (issue.code === "invalid_type" && value === undefined) return { where, message: "is missing" };
    return { where, message: issue.message };
  });
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    given,
  );
}

/** The keys that the schema has at `path`. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at = unwrap(schema);
  for (const key of path) {
    const def = at.def as { shape?: Record<PropertyKey, z.ZodType>; element?: z.ZodType };
    const next = typeof key === "number" ? def.element : def.shape?.[key];
    if (!next) return [];
    at = unwrap(next);
  }
  return Object.keys((at.def as { shape?: object }).shape ?? {});
}

/** The schema inside of defaults and optionals. */
export function unwrap(schema: z.ZodType): z.ZodType {
  let at = schema;
  for (;;) {
    const inner = (at.def as { innerType?: z.ZodType }).innerType;
    if (!inner) return at;
    at = inner;
  }
}
