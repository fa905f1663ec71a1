import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Signals a process and everything in its group. @returns false when there is none left */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * When a process started, in a form that is only good for comparing: with it a process id identifies one
 * process, even after the system has reused the id.
 *
 * @returns `undefined` when there is no such process, or nothing of it but its exit code
 */
export function processStart(pid: number): string | undefined {
  try {
    if (process.platform !== "linux") return startByPs(pid);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses, and may hold anything; the start is the 22nd.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === ZOMBIE ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  const printed = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  }).trim();
  return printed === "" || printed.startsWith(ZOMBIE)
    ? undefined
    : printed.slice(printed.indexOf(" ")).trim();
}

const ZOMBIE = "Z";
