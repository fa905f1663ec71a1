import { Deadline } from "@dbward-aws/core";
import { endGroup, isAlive } from "@dbward-aws/local-account";
import { clearRun } from "../stage/stage-directory.ts";
import type { Run, StageFiles } from "./stage-files.ts";

/** Time in which a host ends its tasks, which drain, and its account. */
const END_MS = 120_000;

/**
 * Ends a run by the id of its process and waits until it has gone; what it leaves behind when it was cut off
 * is removed.
 *
 * @returns whether it was running
 */
export async function endRun(files: StageFiles, run: Run): Promise<boolean> {
  const wasRunning = isAlive(run.host);
  if (wasRunning) {
    process.kill(run.host.pid, "SIGTERM");
    const gone = await Deadline.after(END_MS).until(() => !isAlive(run.host) || undefined, 100);
    if (!gone) await endGroup(run.host.pid);
  }
  await clearRun(files.directory, { keepLogs: true });
  await files.release();
  return wasRunning;
}
