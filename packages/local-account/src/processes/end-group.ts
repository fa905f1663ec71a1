import { Deadline } from "@dbward-aws/core";
import { signalGroup } from "./process-group.ts";

/**
 * Ends a process group by the id of its first process: SIGTERM, and SIGKILL for what is left after `graceMs`.
 * A group that has already ended is not an error.
 *
 * @param graceMs milliseconds. @default 3000
 */
export async function endGroup(pid: number, graceMs = 3_000): Promise<void> {
  if (!signalGroup(pid, "SIGTERM")) return;
  const gone = await Deadline.after(graceMs).until(() => (signalGroup(pid, 0) ? undefined : true), 25);
  if (!gone) signalGroup(pid, "SIGKILL");
}
