import { expect } from "vitest";
import type { Account } from "./account.ts";
import { AlarmRecord } from "./alarm-record.ts";
import type { CommandEnd } from "./run-command.ts";
import { TaskHistory } from "./task-history.ts";
import { TokenWatch } from "./token-watch.ts";

/** What a step in the life of a stage does to the server and to alarms. */
export interface Step {
  /** Tasks of the server that it starts. @default 0 */
  readonly serverTasks?: number;
  /** Ids of all alarms that ring meanwhile. @default - none */
  readonly rings?: readonly string[];
}

/**
 * What must hold of a stage after each step of its life: no two tasks of the server ran at the same time, no
 * token is anywhere but in its secret, and the alarms that rang are the right ones.
 */
export class StageWatch {
  readonly #tokens: TokenWatch;
  readonly #alarms: AlarmRecord;
  readonly #serverTasks: TaskHistory;
  #startedBefore = 0;

  /** @param directory of the account */
  constructor(account: Account, directory: string) {
    this.#tokens = new TokenWatch(account, directory);
    this.#alarms = new AlarmRecord(account);
    this.#serverTasks = new TaskHistory(directory, account.names.cluster, account.names.serverService);
  }

  /** Takes what a command has printed. */
  note(end: CommandEnd): void {
    this.#tokens.note(end);
  }

  /**
   * Fails unless a step did what it was to do.
   *
   * @param since when it began
   */
  async check({ serverTasks = 0, rings = [] }: Step, since: Date): Promise<void> {
    expect(await this.#serverTasks.overlaps()).toEqual([]);
    const started = (await this.#serverTasks.started()).length;
    expect(started - this.#startedBefore, "tasks of the server that were started").toBe(serverTasks);
    this.#startedBefore = started;
    expect(await this.#tokens.leaks()).toEqual([]);
    const rang = await this.#alarms.rang();
    const expected = [...rings].sort();
    // On a machine that is far too busy, the emulated account itself is what the alarms are about.
    if (await this.#alarms.wasHindered(since)) expect(rang).toEqual(expect.arrayContaining(expected));
    else expect(rang).toEqual(expected);
  }

  /** The server's tasks that have not ended. */
  runningServers(): Promise<string[]> {
    return this.#serverTasks.running();
  }

  close(): void {
    this.#tokens.close();
  }
}
