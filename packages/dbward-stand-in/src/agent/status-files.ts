import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The files by which a health check sees the agent; in `/tmp`, unless the task's view has another place for it. */
export class StatusFiles {
  readonly #ready: string;
  readonly #alive: string;

  /** Removes what a former process left. */
  constructor(directory = process.env.DBWARD_STANDIN_TMP || "/tmp") {
    this.#ready = join(directory, "dbward-agent-ready");
    this.#alive = join(directory, "dbward-agent-alive");
    this.remove();
  }

  /** The server has taken a poll. */
  async ready(): Promise<void> {
    await writeFile(this.#ready, "");
  }

  /** The loop runs; the file's time says when it last did. */
  async alive(): Promise<void> {
    await writeFile(this.#alive, "");
  }

  remove(): void {
    rmSync(this.#ready, { force: true });
    rmSync(this.#alive, { force: true });
  }
}
