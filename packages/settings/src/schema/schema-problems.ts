import type { z } from "zod";
import { suggest } from "../suggest.ts";

/** A mistake and its path inside the stage. */
export interface SchemaProblem {
  readonly path: string;
  readonly message: string;
}

/** The schema's findings as messages for the author of the settings. */
export function schemaProblems(schema: z.ZodType, error: z.ZodError, input: unknown): SchemaProblem[] {
  return error.issues.flatMap(insideUnions).flatMap((issue) => {
    const path = issue.path.join(".");
    if (issue.code !== "unrecognized_keys")
      return [{ path, message: messageOf(issue, valueAt(input, issue.path)) }];
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => ({
      path: path ? `${path}.${key}` : key,
      message: `is not a setting${suggest(key, known) || `; the settings are: ${known.join(", ")}`}`,
    }));
  });
}

/** The findings of the union member that the value is meant for: the first that accepts its type. */
function insideUnions(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const isOtherKind = ({ code, path }: z.core.$ZodIssue) => code === "invalid_type" && path.length === 0;
  const member = issue.errors.find((errors) => !errors.some(isOtherKind)) ?? issue.errors[0] ?? [];
  return member.map((each) => ({ ...each, path: [...issue.path, ...each.path] })).flatMap(insideUnions);
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

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    input,
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

/** The schema inside defaults, optionals and transforms; of a union the member that has keys. */
function inside(schema: z.ZodType): z.ZodType {
  const def = schema.def as { innerType?: z.ZodType; in?: z.ZodType; options?: readonly z.ZodType[] };
  const inner = def.innerType ?? def.in ?? def.options?.find((option) => "shape" in inside(option).def);
  return inner ? inside(inner) : schema;
}
