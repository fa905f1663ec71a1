import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Writable } from "node:stream";
import { jsonText, processStart, signalGroup } from "@dbward-aws/local-account";
import { z } from "zod";

/**
 * The processes of all containers, kept in a file: a supervisor that was killed leaves processes behind, and
 * the next one must end them before it starts a second writer on the same data. A shell that outlives the
 * supervisor kills them at once; the file is for when that was killed too.
 */
export class ProcessList {
  readonly #file: string;
  readonly #started = new Map<number, string>();
  #watcher: ChildProcessByStdio<Writable, null, null> | undefined;

  /** @param directory of the local stage */
  constructor(directory: string) {
    this.#file = path.join(directory, "tasks", "processes.json");
  }

  /**
   * Kills what an earlier supervisor has left behind; writes nothing, as the disk may be full.
   * @returns how many process groups
   */
  endOrphans(): number {
    const orphans = this.#read().filter(
      ([pid, start]) => processStart(pid) === start && signalGroup(pid, "SIGKILL"),
    );
    rmSync(this.#file, { force: true });
    return orphans.length;
  }

  add(pid: number): void {
    const start = processStart(pid);
    if (start === undefined) return;
    this.#started.set(pid, start);
    this.#send(`add ${pid}`);
    this.#write();
  }

  remove(pid: number): void {
    if (!this.#started.delete(pid)) return;
    this.#send(`remove ${pid}`);
    this.#write();
  }

  #send(line: string): void {
    this.#watcher ??= startWatcher();
    this.#watcher.stdin.write(`${line}\n`);
  }

  #read(): [number, string][] {
    try {
      return processes.safeParse(readFileSync(this.#file, "utf8")).data ?? [];
    } catch {
      return []; // no file
    }
  }

  #write(): void {
    mkdirSync(path.dirname(this.#file), { recursive: true });
    const next = `${this.#file}.next`;
    writeFileSync(next, JSON.stringify([...this.#started]));
    renameSync(next, this.#file);
  }
}

/** Ids and start times. */
const processes = jsonText(z.array(z.tuple([z.number().int().positive(), z.string()])));

/** Reads what runs, and kills it when its standard input ends, for whatever reason. */
const WATCHER = `
alive=" "
while read -r verb pid; do
  case $verb in add) alive="$alive$pid " ;; *)
    case $alive in *" $pid "*) alive="\${alive%% $pid *} \${alive#* $pid }" ;; esac ;;
  esac
done
for pid in $alive; do kill -s KILL -- "-$pid" 2>/dev/null; done`;

function startWatcher(): ChildProcessByStdio<Writable, null, null> {
  const watcher = spawn("/bin/sh", ["-c", WATCHER, "dbward-local-watcher"], {
    // A group of its own: a signal to the supervisor's group must not end it first.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: {},
  });
  watcher.on("error", () => undefined); // the next start ends what is left
  watcher.stdin.on("error", () => undefined);
  watcher.unref();
  (watcher.stdin as Writable & { unref?: () => void }).unref?.();
  return watcher;
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
