import { Deadline } from "@dbward-aws/core";

/**
 * Ends a process group by the id of its first process: SIGTERM, and SIGKILL for what is left after `graceMs`.
 * A group that is gone already is no error.
 *
 * @param graceMs milliseconds. @default 3000
 */
export async function endGroup(pid: number, graceMs = 3_000): Promise<void> {
  if (!signalGroup(pid, "SIGTERM")) return;
  const gone = await Deadline.after(graceMs).until(() => (signalGroup(pid, 0) ? undefined : true), 25);
  if (!gone) signalGroup(pid, "SIGKILL");
}

/** @returns false when no process of the group is left */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    // EPERM: macOS answers so for a group whose processes are all zombies.
    if (["ESRCH", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}
