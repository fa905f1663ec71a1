import type { Progress } from "@dbward-aws/cli";
import { DbwardError, Deadline } from "@dbward-aws/core";
import type { CommandContext } from "./command.ts";
import { connectedClients } from "./preflight/connected-clients.ts";

/** Milliseconds until EFS reports that the last client has gone; it does so within five minutes. */
const UNMOUNTED_WITHIN = 900_000;
const ASK_EVERY_MS = 10_000;

/** Somebody has a file system mounted that a server is to get. */
class FileSystemMountedError extends DbwardError {
  override readonly name = "FileSystemMountedError";

  constructor(id: string) {
    super(
      "file-system-mounted",
      `File system ${id} is still mounted after ${UNMOUNTED_WITHIN / 60_000} minutes.`,
      {
        hint:
          "Two servers on one file system destroy its database. Find out who has it mounted, such as an instance for maintenance, " +
          "unmount it, and run this again.",
      },
    );
  }
}

/**
 * Waits until EFS reports no client of a file system: preflight deploys no server on one that somebody has
 * mounted.
 *
 * @throws FileSystemMountedError, AwsCallError
 */
export async function waitUntilUnmounted(
  { clients, signal }: Pick<CommandContext, "clients" | "signal">,
  id: string,
  progress: Progress,
): Promise<void> {
  progress.step(`Waiting until EFS reports no client of ${id}`);
  const free = await Deadline.after(UNMOUNTED_WITHIN, signal).until(
    async () => (await connectedClients(id, clients)) === undefined || undefined,
    ASK_EVERY_MS,
  );
  signal.throwIfAborted();
  if (!free) throw new FileSystemMountedError(id);
}
