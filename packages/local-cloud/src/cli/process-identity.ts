import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** A process, told apart from a later one that got the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, as `ps` prints it. */
  readonly started: string;
}

const run = promisify(execFile);

/** @returns `undefined` when there is no such process */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const { stdout } = await run("ps", ["-o", "lstart=,stat=", "-p", String(pid)], {
      env: { ...process.env, LC_ALL: "C" },
    });
    const line = stdout.trim();
    const state = line.split(/\s+/).at(-1) ?? "";
    // A zombie has ended; only its parent has not asked yet.
    if (line === "" || state.startsWith("Z")) return undefined;
    return { pid, started: line.slice(0, -state.length).trim() };
  } catch {
    return undefined; // ps ends with 1 when there is none
  }
}

export async function isAlive({ pid, started }: ProcessIdentity): Promise<boolean> {
  return (await identify(pid))?.started === started;
}
