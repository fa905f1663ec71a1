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

/**
 * Largest count, age or size that is believed. A sum of 10,000 of them is still a number that CloudWatch takes (2^360) and that
 * JavaScript counts without loss of meaning.
 */
export const MAX_AMOUNT = 1e12;

/** Deepest nesting of an answer; dbward's own go to six. */
const MAX_DEPTH = 64;

/**
 * `JSON.parse` of an answer, after a look at its depth: millions of nested lists in a few megabytes would take seconds and
 * hundreds of megabytes of memory.
 *
 * @throws {ShapeError} when it is nested too deeply
 * @throws SyntaxError when it is not JSON; its message quotes the text
 */
export function parseJson(body: string): unknown {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < body.length; at++) {
    const code = body.charCodeAt(at);
    if (quoted) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) quoted = false;
    } else if (code === QUOTE) quoted = true;
    else if (code === OPENING_BRACKET || code === OPENING_BRACE) {
      if (++depth > MAX_DEPTH)
        throw new ShapeError(`the answer is nested more than ${MAX_DEPTH} levels deep`);
    } else if (code === CLOSING_BRACKET || code === CLOSING_BRACE) depth--;
  }
  return JSON.parse(body);
}

const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPENING_BRACKET, CLOSING_BRACKET, OPENING_BRACE, CLOSING_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/** A number from 0 to {@link MAX_AMOUNT}: a count, an age, a size. */
export function amount(from: JsonObject, name: string, path: string): number {
  const value = from[name];
  if (typeof value !== "number" || !(value >= 0 && value <= MAX_AMOUNT))
    throw wrong(join(path, name), `a number from 0 to ${MAX_AMOUNT}`, value);
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
