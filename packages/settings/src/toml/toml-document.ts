import { TomlError, type TomlTable } from "smol-toml";
import type { Problem } from "../problems.ts";
import { parseToml } from "./parse-toml.ts";
import { readStatements, type Statement } from "./statements.ts";

/** A TOML document that parses, and the lines on which its parts stand. */
export class TomlDocument {
  readonly root: TomlTable;
  readonly #name: string;
  readonly #statements: readonly Statement[];

  private constructor(name: string, text: string) {
    this.root = parseToml(text);
    this.#name = name;
    this.#statements = readStatements(text);
  }

  /** @param name how problems call the document: the file's path, or the setting that holds the text */
  static read(name: string, text: string): TomlDocument | Problem {
    try {
      return new TomlDocument(name, text);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      // Only the first line: the ones below quote the document, which may hold what nobody should see.
      const [reason] = error.message.split("\n");
      return { where: `${name}:${error.line}:${error.column}`, message: `${reason}` };
    }
  }

  /**
   * `file:line` of a table, key or element; of the document as a whole when it isn't there.
   *
   * @param index which element of an array of tables, from 0
   */
  where(path: readonly string[], index = 0): string {
    const same = this.#statements.filter((statement) => startsWith(statement.path, path));
    const exact = same.filter((statement) => statement.path.length === path.length);
    const found = exact[index] ?? exact[0] ?? same[0];
    return found ? `${this.#name}:${found.line}` : this.#name;
  }
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((name, index) => path[index] === name);
}
