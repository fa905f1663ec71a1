import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Results of executions, one file each. */
export class ResultFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  write(requestId: string, executionId: string, data: string): void {
    const file = join(this.#folder, requestId, executionId);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, data);
  }

  /** Undefined when the file was removed. */
  read(requestId: string, executionId: string): string | undefined {
    try {
      return readFileSync(join(this.#folder, requestId, executionId), "utf8");
    } catch {
      return undefined;
    }
  }
}
