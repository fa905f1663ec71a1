import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

const TEMPLATE = /\.template\.json$/;

/** The templates of a cloud assembly, by file name. */
export function templatesIn(directory: string): Map<string, unknown> {
  return new Map(
    readdirSync(directory)
      .filter((file) => TEMPLATE.test(file))
      .sort()
      .map((file) => [file, JSON.parse(readFileSync(join(directory, file), "utf8"))]),
  );
}

/**
 * Where the templates of two cloud assemblies differ: one line for each file that only one has, and for each value
 * that is not the same, by its path. Empty when they are equal.
 */
export function assemblyDifferences(first: string, second: string): string[] {
  const [left, right] = [templatesIn(first), templatesIn(second)];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((file) =>
    differences(file, left.get(file), right.get(file)),
  );
}

function differences(path: string, left: unknown, right: unknown): string[] {
  if (isDeepStrictEqual(left, right)) return [];
  if (!isObject(left) || !isObject(right))
    return [`${path}: ${JSON.stringify(left)} is not ${JSON.stringify(right)}`];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) =>
    differences(`${path} ${key}`, left[key], right[key]),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
