import * as z from "zod/mini";

/** An answer does not have the expected form. The message names the place, never the value. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/**
 * Largest count, age or size that is accepted. CloudWatch takes values up to 2^360, and a sum of 10,000 of
 * these is still exact in JavaScript.
 */
export const MAX_AMOUNT = 1e12;

/** A schema that is created when it is first used: creating all of them takes 2 ms of a function's start. */
export type Schema<Type extends z.ZodMiniType> = () => Type;

/** The schema of an object with these fields. */
export function fields<Shape extends z.core.$ZodLooseShape>(
  shape: () => Shape,
): Schema<z.ZodMiniObject<Shape>> {
  let schema: z.ZodMiniObject<Shape> | undefined;
  return () => (schema ??= z.object(shape()));
}

/** A string that is not empty. */
export const text = () => z.string().check(z.minLength(1));

/** A string, null, or no field at all. */
export const optionalText = () => z.optional(z.nullable(z.string()));

/** A count, an age or a size. */
export const amount = () => z.number().check(z.gte(0), z.lte(MAX_AMOUNT));

/** Whether {@link text} accepts a value. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Whether {@link amount} accepts a value. */
export function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= MAX_AMOUNT;
}

/**
 * The answer as its schema describes it; other fields are left out.
 *
 * @throws {ShapeError} that names the first place that does not match
 */
export function read<Type extends z.ZodMiniType>(schema: Schema<Type>, answer: unknown): z.output<Type> {
  const result = schema().safeParse(answer);
  if (!result.success) throw mismatch(result.error, answer, []);
  return result.data;
}

/**
 * The list `name` of an answer, each row as its schema describes it. Reading stops at the first row that does
 * not match: a schema of the whole list would collect a problem for each of a million rows.
 *
 * @param convert makes the result of each row, so that no list of all rows as they were read stays in memory
 * @param accepts tells rows that need no schema, for lists that are long. @default - the schema reads all
 * rows
 * @throws {ShapeError} that names the row and its field
 */
export function readList<Type extends z.ZodMiniType, Row>(
  schema: Schema<Type>,
  name: string,
  answer: unknown,
  convert: (row: z.output<Type>) => Row,
  accepts?: (row: unknown) => row is z.output<Type>,
): Row[] {
  const rows = read(() => z.object({ [name]: z.array(z.unknown()) }), answer)[name]!;
  const row = schema();
  return rows.map((each, index) => {
    if (accepts?.(each)) return convert(each);
    const result = row.safeParse(each);
    if (!result.success) throw mismatch(result.error, each, [name, index]);
    return convert(result.data);
  });
}

/** The fields that have a value: a field that is null or empty is left out. */
export function withoutEmpty<Name extends string>(
  fields: Readonly<Record<Name, string | null | undefined>>,
): Partial<Record<Name, string>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value)) as Partial<
    Record<Name, string>
  >;
}

/** Objects and lists in one answer; the rows of 10,000 agents with all their requests have about 100,000. */
const MAX_CONTAINERS = 250_000;

/**
 * `JSON.parse` of an answer, unless it has far more objects and lists than dbward sends: millions of them in a few
 * megabytes would take seconds and hundreds of megabytes of memory.
 *
 * @throws {ShapeError} when there are too many
 * @throws SyntaxError when the text is not JSON; its message quotes the text
 */
export function parseJson(body: string): unknown {
  if (count(body, "{") + count(body, "[") > MAX_CONTAINERS)
    throw new ShapeError(`the answer has more than ${MAX_CONTAINERS} objects and lists`);
  return JSON.parse(body);
}

function count(body: string, character: string): number {
  let found = 0;
  for (let at = body.indexOf(character); at >= 0 && found <= MAX_CONTAINERS; found++)
    at = body.indexOf(character, at + 1);
  return found;
}

type Path = readonly PropertyKey[];

function mismatch({ issues }: z.core.$ZodError, found: unknown, place: Path): ShapeError {
  const issue = issues[0]!;
  let value = found;
  for (const key of issue.path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return new ShapeError(
    `${nameOf([...place, ...issue.path])} must be ${expected(issue)}, but ${kind(value)}`,
  );
}

/** Such as `agents[3].in_flight`. */
function nameOf(path: Path): string {
  const name = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return name.replace(/^\./, "") || "the answer";
}

function expected(issue: z.core.$ZodIssue): string {
  const type = issue.code === "invalid_type" ? issue.expected : "origin" in issue && issue.origin;
  return FORMS[String(type)] ?? "something else";
}

const FORMS: Readonly<Record<string, string>> = {
  array: "a list",
  object: "an object",
  string: "a string that is not empty",
  number: `a number from 0 to ${MAX_AMOUNT}`,
};

function kind(value: unknown): string {
  if (value === undefined) return "is missing";
  if (value === null) return "is null";
  if (value === "") return "is empty";
  if (Array.isArray(value)) return "is a list";
  if (typeof value === "number") return "is a number out of range";
  return typeof value === "object" ? "is an object" : `is a ${typeof value}`;
}
