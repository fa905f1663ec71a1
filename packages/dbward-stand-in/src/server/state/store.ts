import { copyFileSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Fatal } from "../../fatal.ts";
import type { State } from "./records.ts";

/** How long changes that a crash may lose wait for others, in milliseconds. */
const LAZY_MS = 500;
/** A write that took longer, in milliseconds, is followed by a pause. */
const LONG_WRITE_MS = 5;
/** How much longer than the write the pause is. */
const PAUSE_TIMES = 4;

/**
 * The state in one JSON file, `dbward.db`, which is rewritten after each call that changed something: to
 * a file beside it, which then takes its place. A server that is killed leaves the old or the new state. A
 * second server on the same file sees what the first one wrote, as two servers on one SQLite file do.
 */
export class Store {
  readonly state: State;
  readonly #file: string;
  #dirty = false;
  #lazy: NodeJS.Timeout | undefined;
  /** Which version of the file is in memory. */
  #version: string | undefined;
  /** Whether the file was replaced or changed by another process. */
  #damaged = false;
  #written: Promise<void> | undefined;
  /** When the next write may begin, by the clock of `performance`. */
  #nextWrite = 0;

  private constructor(file: string, state: State) {
    this.#file = file;
    this.state = state;
    this.#version = versionOf(file);
  }

  /**
   * Opens the state of a directory, migrating it when it is older than `schema`; the former file stays as
   * `dbward.db.bak.vN`. A newer one is opened all the same, as dbward does.
   *
   * @throws {Fatal} when the file is not the stand-in's
   */
  static open(directory: string, schema: number): Store {
    const file = join(directory, "dbward.db");
    const found = read(file);
    const store = new Store(file, found ?? emptyState(schema));
    if (found && found.schema < schema) {
      copyFileSync(file, `${file}.bak.v${found.schema}`);
      found.schema = schema;
    }
    store.changed();
    store.flush();
    return store;
  }

  /** Whether the file is where it was, and what it was. */
  get readable(): boolean {
    return versionOf(this.#file) !== undefined && !this.#damaged;
  }

  /** Takes what another server wrote, unless this one has something to write itself. */
  refresh(): void {
    if (this.#dirty || this.#lazy) return;
    const version = versionOf(this.#file);
    if (version === undefined || version === this.#version) return;
    this.#version = version;
    try {
      Object.assign(this.state, read(this.#file));
      this.#damaged = false;
    } catch {
      this.#damaged = true;
    }
  }

  /** To be called for each change. @param lazily a crash may lose it */
  changed({ lazily = false } = {}): void {
    if (!lazily) this.#dirty = true;
    else
      this.#lazy ??= setTimeout(() => {
        this.#dirty = true;
        this.#lazy = undefined;
        try {
          this.flush();
        } catch {
          // The next call tries again, and reports the error to its caller.
        }
      }, LAZY_MS);
  }

  /**
   * Writes what has changed. A large state takes long to write: then one write has the changes of all calls
   * of a while, which wait for it, so that the process has time for other things.
   *
   * @throws when it can't; it is then still to be written
   */
  async written(): Promise<void> {
    if (!this.#dirty) return;
    const pause = this.#nextWrite - performance.now();
    if (pause <= 0 && this.#written === undefined) return this.flush();
    this.#written ??= delay(pause).then(() => {
      this.#written = undefined;
      this.flush();
    });
    return this.#written;
  }

  /** Writes what has changed, now. @throws when it can't; it is then still to be written */
  flush(): void {
    if (!this.#dirty) return;
    const start = performance.now();
    clearTimeout(this.#lazy);
    this.#lazy = undefined;
    const next = `${this.#file}.next`;
    writeFileSync(next, JSON.stringify({ format: FORMAT, ...this.state }), { mode: 0o644 });
    renameSync(next, this.#file);
    this.#dirty = false;
    this.#damaged = false;
    this.#version = versionOf(this.#file);
    const end = performance.now();
    this.#nextWrite = end - start > LONG_WRITE_MS ? end + PAUSE_TIMES * (end - start) : 0;
  }
}

/** Of the file; the one before it had no member of this name. */
const FORMAT = 2;

function emptyState(schema: number): State {
  return { schema, users: [], tokens: [], agents: [], requests: [], schemas: [], audit: [], synced: [] };
}

function versionOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found && `${found.ino} ${found.size} ${found.mtimeMs}`;
}

function read(file: string): State | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Fatal(`Error: can't read ${file}: ${(error as Error).message}`);
  }
  if (text.startsWith("SQLite format 3"))
    throw new Fatal(`Error: ${file} belongs to a real dbward-server; the stand-in does not touch it`);
  let parsed: (State & { format?: number }) | null;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Fatal(`Error: can't read ${file}: the database disk image is malformed`);
  }
  if (parsed?.format !== FORMAT)
    throw new Fatal(
      `Error: ${file} was written by another version of the stand-in. Remove it to start with an empty state.`,
    );
  const { format: _, ...state } = parsed;
  return state;
}
