import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The empty files by which a health check sees the agent: `dbward-agent-alive` from its start to its end,
 * `dbward-agent-ready` while it takes work. They are written once and never touched again, and what a killed
 * agent left is not looked at.
 */
export class StatusFiles {
  readonly #alive: string;
  readonly #ready: string;

  /** @param directory `/tmp`, unless the task's view has another place for it */
  constructor(directory = process.env.DBWARD_STANDIN_TMP || "/tmp") {
    this.#alive = join(directory, "dbward-agent-alive");
    this.#ready = join(directory, "dbward-agent-ready");
  }

  /** The agent has started. */
  alive(): void {
    writeFileSync(this.#alive, "");
  }

  /** The agent takes work, or no longer does. */
  setReady(ready: boolean): void {
    if (ready) writeFileSync(this.#ready, "");
    else rmSync(this.#ready, { force: true });
  }

  /** The agent ends. */
  remove(): void {
    rmSync(this.#alive, { force: true });
    rmSync(this.#ready, { force: true });
  }
}
