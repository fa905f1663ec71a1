import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { processStart, signalGroup } from "./process-group.ts";

/**
 * The processes of all containers, kept in a file: a supervisor that was killed leaves processes behind, and the next
 * one must end them before it starts a second writer on the same data.
 */
export class ProcessList {
  readonly #file: string;
  readonly #started = new Map<number, string>();

  /** @param directory of the local stage */
  constructor(directory: string) {
    this.#file = path.join(directory, "tasks", "processes.json");
    mkdirSync(path.dirname(this.#file), { recursive: true });
  }

  /** Kills what an earlier supervisor has left behind. @returns how many process groups */
  endOrphans(): number {
    const orphans = this.#read().filter(
      ([pid, start]) => processStart(pid) === start && signalGroup(pid, "SIGKILL"),
    );
    this.#write();
    return orphans.length;
  }

  add(pid: number): void {
    const start = processStart(pid);
    if (start === undefined) return;
    this.#started.set(pid, start);
    this.#write();
  }

  remove(pid: number): void {
    if (this.#started.delete(pid)) this.#write();
  }

  #read(): [number, string][] {
    try {
      return JSON.parse(readFileSync(this.#file, "utf8")) as [number, string][];
    } catch {
      return [];
    }
  }

  #write(): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, JSON.stringify([...this.#started]));
    renameSync(next, this.#file);
  }
}

/**
 * Kills the containers' processes that a supervisor has left behind which could not end them itself.
 *
 * @param directory of the local stage
 * @returns how many process groups
 */
export function endOrphanedTasks(directory: string): number {
  return new ProcessList(directory).endOrphans();
}
