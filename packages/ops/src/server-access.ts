import type { Argv } from "@dbward-aws/cli";
import { SERVER } from "@dbward-aws/contract";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { DbwardClient, type Health } from "@dbward-aws/dbward-client";
import { AccessDenied } from "@dbward-aws/ecs-exec";
import { connectToServer, type ServiceReference } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";

/** The server of a stage that answered. */
export interface ReachedServer {
  readonly client: DbwardClient;
  readonly health: Health;
  close(): Promise<void>;
}

/** Declares `--url`, for commands that talk to the server. */
export function urlOption<T>(yargs: Argv<T>) {
  return yargs.option("url", {
    type: "string",
    requiresArg: true,
    describe: "URL of the server (default: through ECS Exec into its task)",
  });
}

/** The server's service and container. */
export function serverService({ names }: CommandContext): ServiceReference {
  return { cluster: names.cluster, service: names.serverService, container: SERVER.container };
}

/** Milliseconds for the first answer of a server at `--url`, and of one that is reached through its task. */
const ANSWER_MS = { url: 5_000, task: 20_000 };

/**
 * Connects to the stage's server: through ECS Exec into its task, which works from any machine with AWS credentials, or at `--url`.
 *
 * @param within milliseconds for the session into the task. @default - what `connectToServer` takes
 * @throws what `connectToServer` of `@dbward-aws/stage` throws; errors of DbwardClient when the server doesn't answer
 */
export async function openServer(
  context: CommandContext,
  url?: string,
  within?: number,
): Promise<ReachedServer> {
  const { clients, signal } = context;
  const connection =
    url === undefined
      ? await connectToServer(clients, serverService(context), {
          signal,
          ...(within !== undefined && { deadline: Deadline.after(within, signal) }),
        })
      : urlConnection(new DbwardClient({ url }));
  const { client } = connection;
  try {
    const deadline = Deadline.after(url === undefined ? ANSWER_MS.task : ANSWER_MS.url, signal);
    return { client, health: await client.health({ deadline }), close: () => connection.close() };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** Milliseconds for a server that has been started to become ready: its image is pulled, and it may migrate its database. */
const READY_WITHIN = 600_000;
const ASK_EVERY_MS = 2_000;

/**
 * As {@link openServer}, for a server that is starting: waits until it is ready.
 *
 * @throws what {@link openServer} throws when it has not become ready within ten minutes; the reason of Ctrl-C
 */
export async function waitForServer(context: CommandContext, url?: string): Promise<ReachedServer> {
  const { signal } = context;
  let last: unknown;
  const ready = await Deadline.after(READY_WITHIN, signal).until(async () => {
    let server: ReachedServer | undefined;
    try {
      server = await openServer(context, url);
      if ((await server.client.ready()).state === "ready") return server;
    } catch (error) {
      // A right that is missing does not come by waiting.
      if (!(error instanceof DbwardError) || error instanceof AccessDenied) throw error;
      last = error;
    }
    await server?.close();
    return undefined;
  }, ASK_EVERY_MS);
  if (ready) return ready;
  signal.throwIfAborted();
  throw last ?? new ServerNotReadyError();
}

/** The server runs, and is not ready. */
class ServerNotReadyError extends DbwardError {
  override readonly name = "ServerNotReadyError";

  constructor() {
    super("server-not-ready", `The server is not ready after ${READY_WITHIN / 60_000} minutes.`, {
      hint: "Read its log with `pnpm ops logs server`.",
    });
  }
}

/** As {@link openServer}, but returns the error for a command that has something to show without the server. */
export async function tryServer(
  context: CommandContext,
  url?: string,
  within?: number,
): Promise<ReachedServer | { readonly unreachable: DbwardError }> {
  try {
    return await openServer(context, url, within);
  } catch (error) {
    if (error instanceof DbwardError && !context.signal.aborted) return { unreachable: error };
    throw error;
  }
}

function urlConnection(client: DbwardClient) {
  return { client, close: async () => client.close() };
}
