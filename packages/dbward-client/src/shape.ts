/**
 * Readers of parsed JSON. They take what they know and pass over every other field. Written by hand: zod would
 * double the poller's bundle, and the messages of a schema library may quote what came.
 */

/** The answer is not of the shape that was expected; the message holds the path, never the value. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** @param path of `value` in the answer, for the error; "" is the answer itself */
export function object(value: unknown, path: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(path, "an object", value);
  return value as JsonObject;
}

export function list<T>(value: unknown, path: string, item: (value: unknown, path: string) => T): T[] {
  if (!Array.isArray(value)) throw wrong(path, "a list", value);
  return value.map((each, index) => item(each, `${path}[${index}]`));
}

/** A string that is not empty. */
export function text(from: JsonObject, name: string, path: string): string {
  const value = from[name];
  if (typeof value !== "string" || value === "") throw wrong(join(path, name), "a text", value);
  return value;
}

/** A finite number of zero or more: a count, an age, a size. */
export function amount(from: JsonObject, name: string, path: string): number {
  const value = from[name];
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
    throw wrong(join(path, name), "a number of 0 or more", value);
  return value;
}

/** A string where there is one; anything else is as good as nothing. */
export function optionalText(from: JsonObject, name: string): string | undefined {
  const value = from[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The strings of a list; [] where there is none. */
export function optionalTexts(from: JsonObject, name: string): string[] {
  const value = from[name];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function wrong(path: string, expected: string, found: unknown): ShapeError {
  return new ShapeError(`${path || "the answer"} should be ${expected} and is ${kind(found)}`);
}

function kind(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (value === "") return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number") return "a number out of range";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
