import type { z } from "zod";
import { suggest } from "../suggest.ts";

/** What is wrong, and the path of it inside the stage. */
export interface SchemaProblem {
  readonly path: string;
  readonly message: string;
}

/** What the schema found, in words for the person who wrote the settings. */
export function schemaProblems(schema: z.ZodType, error: z.ZodError, given: unknown): SchemaProblem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code !== "unrecognized_keys")
      return [{ path, message: messageOf(issue, valueAt(given, issue.path)) }];
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => ({
      path: path ? `${path}.${key}` : key,
      message: `is not a setting${suggest(key, known) || `; there are: ${known.join(", ")}`}`,
    }));
  });
}

function messageOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined && (issue.code === "invalid_type" || issue.code === "invalid_value"))
    return "is missing";
  if (issue.code === "invalid_key") return issue.issues[0]?.message ?? issue.message;
  if (issue.code === "invalid_type" && issue.message.startsWith("Invalid input"))
    return `must be ${kind(issue.expected)}, not ${kindOf(value)}`;
  if (issue.code === "invalid_value" && issue.message.startsWith("Invalid option")) {
    const options = issue.values.map(String);
    const hint = typeof value === "string" ? suggest(value, options) : "";
    return `must be one of ${options.map((option) => `"${option}"`).join(", ")}${hint}`;
  }
  return issue.message;
}

function kind(expected: string): string {
  if (expected === "int") return "a whole number";
  if (expected === "record") return "an object";
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number" && !Number.isInteger(value)) return String(value);
  return kind(typeof value);
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
  let at = inside(schema);
  for (const key of path) {
    const def = at.def as { shape?: Record<PropertyKey, z.ZodType>; element?: z.ZodType };
    const next = typeof key === "number" ? def.element : def.shape?.[key];
    if (!next) return [];
    at = inside(next);
  }
  return Object.keys((at.def as { shape?: object }).shape ?? {});
}

/** The schema inside of defaults and optionals. */
function inside(schema: z.ZodType): z.ZodType {
  const { innerType } = schema.def as { innerType?: z.ZodType };
  return innerType ? inside(innerType) : schema;
}
