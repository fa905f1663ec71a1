import { readFile } from "node:fs/promises";
import { parse, TomlError } from "smol-toml";
import { Fatal } from "./fatal.ts";

export type Table = Readonly<Record<string, unknown>>;

/** What is wrong with a configuration file; becomes `fatal: failed to load config …`. */
export class ConfigProblem extends Error {
  override readonly name = "ConfigProblem";
}

/**
 * Reads a configuration file.
 *
 * @param check makes the settings out of the parsed file, or throws a {@link ConfigProblem}
 * @throws {Fatal} `fatal: failed to load config FILE: …`
 */
export async function loadConfig<T>(file: string, check: (toml: Table) => T): Promise<T> {
  try {
    return check(parse(await readFile(file, "utf8")));
  } catch (error) {
    throw new Fatal(`fatal: failed to load config ${file}: ${problemOf(error)}`);
  }
}

function problemOf(error: unknown): string {
  if (error instanceof ConfigProblem) return error.message;
  // The rest of the message is an excerpt of the file, which may hold a secret.
  if (error instanceof TomlError)
    return `${error.message.split("\n")[0]} (line ${error.line}, column ${error.column})`;
  return (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(error);
}

/** The table `name`, empty when it isn't there. */
export function table(from: Table, name: string, where = name): Table {
  const value = from[name] ?? {};
  if (typeof value !== "object" || Array.isArray(value)) throw new ConfigProblem(`${where} must be a table`);
  return value as Table;
}

/** @param fallback taken when it isn't there; without one it must be there */
export function string(from: Table, name: string, where: string, fallback?: string): string {
  const value = from[name] ?? fallback;
  if (value === undefined) throw new ConfigProblem(`${where}: missing field \`${name}\``);
  if (typeof value !== "string" || value === "")
    throw new ConfigProblem(`${where}: ${name} must be a string`);
  return value;
}

/** A whole number of at least `minimum`. */
export function integer(from: Table, name: string, where: string, fallback: number, minimum: number): number {
  const value = from[name] ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value) || value < minimum)
    throw new ConfigProblem(`${where}: ${name} must be an integer of ${minimum} or more`);
  return value;
}
