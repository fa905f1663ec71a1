import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";

/**
 * A JSON file of a project with an object for each stage, which commands change and dbward.config.ts reads.
 */
export class StageFile<T extends object> {
  readonly #schema: z.ZodType<Record<string, T>>;
  readonly #fail: (file: string, what: string, cause?: unknown) => Error;
  readonly #isOptional: boolean;

  /**
   * @param fail makes the error for a file that can't be read or is wrong
   * @param options.isOptional whether the file may be missing. @default false
   */
  constructor(
    record: z.ZodType<T>,
    fail: (file: string, what: string, cause?: unknown) => Error,
    { isOptional = false }: { readonly isOptional?: boolean } = {},
  ) {
    this.#schema = z.record(z.string(), record);
    this.#fail = fail;
    this.#isOptional = isOptional;
  }

  /** What the file has of a stage. */
  read(file: string, stage: string): T | undefined {
    const all = this.#readAll(file);
    return Object.hasOwn(all, stage) ? all[stage] : undefined;
  }

  /**
   * Replaces what the file has of a stage, and leaves the others. The file is replaced at once, never half
   * written.
   */
  write(file: string, stage: string, record: T): void {
    writeFileSync(`${file}.new`, this.text({ ...this.#readAll(file), [stage]: record }));
    renameSync(`${file}.new`, file);
  }

  /** What the text of the file has. */
  parse(file: string, text: string): Record<string, T> {
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (cause) {
      throw this.#fail(file, "it is not JSON", cause);
    }
    const result = this.#schema.safeParse(content);
    if (result.success) return result.data;
    const problems = result.error.issues.map(({ path: at, message }) => `${at.join(".")} ${message}`);
    throw this.#fail(file, problems.join("; "));
  }

  /** The text of the file, with one line for each stage. */
  text(all: Readonly<Record<string, T>>): string {
    const lines = Object.entries(all).map(
      ([stage, record]) =>
        `  ${JSON.stringify(stage)}: ${JSON.stringify(record, undefined, 1).replaceAll(/\n */g, " ")}`,
    );
    return `{\n${lines.join(",\n")}\n}\n`;
  }

  #readAll(file: string): Record<string, T> {
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (cause) {
      if (this.#isOptional && (cause as { code?: unknown }).code === "ENOENT") return {};
      throw this.#fail(file, String(cause), cause);
    }
    return this.parse(file, text);
  }
}
