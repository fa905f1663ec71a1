import { copyFile, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { Fatal } from "../fatal.ts";
import type { StateLock } from "./state-lock.ts";

/** A token: everything about it but its value. */
export interface TokenRecord {
  readonly id: string;
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string;
  /** First characters of the token, to tell tokens apart by. */
  readonly prefix: string;
  readonly name: string;
  readonly subjectId: string;
  readonly subjectType: "user" | "agent";
  /** The token that came with the user; `reissue-initial-token` replaces it. */
  readonly initial: boolean;
  readonly createdAt: string;
  revokedAt?: string;
}

export interface UserRecord {
  readonly id: string;
  readonly roles: readonly string[];
}

export type RequestStatus = "pending" | "approved" | "dispatched" | "running" | "succeeded" | "failed";

export interface RequestRecord {
  readonly id: string;
  readonly database: string;
  readonly environment: string;
  readonly operation: string;
  readonly sql: string;
  readonly createdBy: string;
  readonly createdAt: string;
  status: RequestStatus;
  /** Approvals that are still missing. */
  approvalsMissing: number;
  /** Process of the agent that has it. */
  instance?: string;
  error?: string;
}

/** Everything that survives a restart. */
export interface State {
  schema: number;
  users: UserRecord[];
  tokens: TokenRecord[];
  requests: RequestRecord[];
}

/**
 * The state in one file, `dbward.db`, which is written anew at every change: to a file beside it, synced, and renamed,
 * so that a crash leaves the old or the new state and never half of one.
 */
export class StateStore {
  readonly state: State;
  readonly #file: string;
  readonly #lock: StateLock;
  #last: Promise<void> = Promise.resolve();

  private constructor(file: string, lock: StateLock, state: State) {
    this.#file = file;
    this.#lock = lock;
    this.state = state;
  }

  /**
   * Opens the state of a directory, migrating it when it is older than `schema`; the former file stays as
   * `dbward.db.bak.vN`. A newer one is opened without a word, as dbward does.
   *
   * @throws {Fatal} when the file is not the stand-in's
   */
  static async open(directory: string, schema: number, lock: StateLock): Promise<StateStore> {
    const file = join(directory, "dbward.db");
    const state = await load(file);
    const store = new StateStore(file, lock, state ?? { schema, users: [], tokens: [], requests: [] });
    if (state && state.schema < schema) {
      await copyFile(file, `${file}.bak.v${state.schema}`);
      state.schema = schema;
      await store.save();
    }
    return store;
  }

  /** Writes the state as it is when its turn comes; resolves when it is on the disk. */
  save(): Promise<void> {
    this.#last = this.#last.catch(() => undefined).then(() => this.#write());
    return this.#last;
  }

  async #write(): Promise<void> {
    if (!(await this.#lock.held()))
      throw new Fatal(`Error: lost the lock on ${this.#file}: another process writes there`);
    const next = `${this.#file}.next`;
    const handle = await open(next, "w", 0o600);
    try {
      await handle.writeFile(JSON.stringify(this.state));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(next, this.#file);
  }
}

async function load(file: string): Promise<State | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (text.startsWith("SQLite format 3"))
    throw new Fatal(`Error: ${file} belongs to a real dbward-server; the stand-in does not touch it`);
  try {
    return JSON.parse(text) as State;
  } catch {
    throw new Fatal(`Error: ${file} can't be read: the database disk image is malformed`);
  }
}
