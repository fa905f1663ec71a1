import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A line of the log in which the local ECS writes each change of a task. */
interface TaskLine {
  readonly event: string;
  readonly task: string;
  readonly service?: string;
  readonly status: string;
}

/**
 * All tasks that a service has had on the local stage, from the log of the local ECS. It writes `PENDING`
 * before it starts a task's first process, and `STOPPED` when the last one has ended: the order of its lines
 * shows which tasks ran at the same time, however short that was.
 */
export class TaskHistory {
  readonly #file: string;
  readonly #cluster: string;
  readonly #service: string;

  /** @param directory of the account */
  constructor(directory: string, cluster: string, service: string) {
    this.#file = join(directory, "logs/tasks.log");
    this.#cluster = cluster;
    this.#service = service;
  }

  /** ARNs of all tasks that were started, in the order of their start. */
  async started(): Promise<string[]> {
    return (await this.#lines()).filter(({ status }) => status === "PENDING").map(({ task }) => task);
  }

  /** ARNs of the tasks that have not ended. */
  async running(): Promise<string[]> {
    return [...(await this.#replay()).running];
  }

  /** The tasks that were started while another one had not ended, with that one. */
  async overlaps(): Promise<string[]> {
    return (await this.#replay()).overlaps;
  }

  async #replay() {
    const running = new Set<string>();
    const overlaps: string[] = [];
    for (const { task, status } of await this.#lines()) {
      if (status === "PENDING") {
        if (running.size > 0) overlaps.push(`${task} beside ${[...running].join(", ")}`);
        running.add(task);
      } else if (status === "STOPPED") running.delete(task);
    }
    return { running, overlaps };
  }

  async #lines(): Promise<TaskLine[]> {
    const text = await readFile(this.#file, "utf8");
    return text
      .split("\n")
      .filter((line) => line.includes('"task.status"'))
      .map((line) => JSON.parse(line) as TaskLine)
      .filter(
        ({ task, service }) =>
          service === `service:${this.#service}` && task.includes(`:task/${this.#cluster}/`),
      );
  }
}
