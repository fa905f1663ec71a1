import type { Logger } from "@dbward-aws/core";
import { PortConnectionFailed } from "@dbward-aws/ecs-exec/port";
import { forwardFromServer } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";
import { serverService } from "./server-access.ts";

/** Milliseconds for which a new task of the server is waited for when the former one has ended. */
const WAIT_FOR_TASK = 300_000;

/** Where a port leads. */
export interface PortTarget {
  /** Port on this machine. @default - a free one */
  readonly localPort?: number | undefined;
  /** Host that the server's task can reach. @default - the server itself */
  readonly host?: string | undefined;
  /** Port of the host. @default - that of the server's API */
  readonly port?: number | undefined;
}

/** A port on this machine that stays open. */
export interface OpenPort {
  readonly localPort: number;
  /** Resolves after {@link close}; rejects when the port could not be opened again. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a port on this machine that leads into the server's task. When its session ends, as after a
 * deployment or after the account's idle timeout, it is opened again on the same port.
 *
 * @param signal gives up the opening
 * @param report receives a line when a connection is refused, or the session was lost or opened again
 * @throws what `forwardFromServer` of `@dbward-aws/stage` throws
 */
export async function openPort(
  context: CommandContext,
  target: PortTarget,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<OpenPort> {
  const closing = new AbortController();
  const logger = portLogger(report);
  const open = (localPort: number | undefined, waitForTask: number, aborts: readonly AbortSignal[]) => {
    const { host, port } = target;
    return forwardFromServer(context.clients, serverService(context), {
      ...(localPort === undefined ? {} : { localPort }),
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      waitForTask,
      logger,
      signal: AbortSignal.any([...aborts]),
    });
  };
  // `signal` ends what is being opened; an open port ends by close() alone.
  const abort = () => closing.abort(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener("abort", abort, { once: true });
  const first = await open(target.localPort, 0, [closing.signal]).finally(() =>
    signal.removeEventListener("abort", abort),
  );
  const { localPort } = first;
  let current = first;
  const keepOpen = async () => {
    while (!closing.signal.aborted) {
      try {
        await current.ended;
        return;
      } catch (error) {
        if (closing.signal.aborted) return;
        report(`${(error as Error).message} Opening it again.`);
      }
      try {
        current = await open(localPort, WAIT_FOR_TASK, [closing.signal]);
        report(`Port ${localPort} is open again.`);
      } catch (error) {
        if (!closing.signal.aborted) throw error;
      }
    }
  };
  const ended = keepOpen();
  ended.catch(() => {});
  return {
    localPort,
    ended,
    async close() {
      closing.abort();
      await current.close();
      await ended.catch(() => {});
    },
  };
}

/** Translates the events of a port session. */
function portLogger(report: (line: string) => void): Logger {
  const handle: Logger["warn"] = (event, { destination, reason } = {}) => {
    if (event === "port.refused") report(new PortConnectionFailed("refused", String(destination)).message);
    else if (event === "port.connection-lost") report(`The connection was lost (${reason}). Resuming it.`);
    else if (event === "port.resumed") report("The connection was resumed; nothing was lost.");
    else if (event === "port.target-does-not-read")
      report(`${destination} does not read what it is sent; the other connections of this port wait.`);
    else if (event === "port.reader-stuck")
      report(new PortConnectionFailed("stuck", String(destination)).message);
  };
  return { info: handle, warn: handle, error: handle };
}
