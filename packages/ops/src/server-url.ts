import { Deadline } from "@dbward-aws/core";
import { DbwardClient } from "@dbward-aws/dbward-client";
import type { CommandContext } from "./command.ts";
import { findStack } from "./status/stacks.ts";

/** A server that answered, or why none did. */
export type ReachedServer =
  | {
      readonly client: DbwardClient;
      readonly url: string;
      readonly version: string;
      readonly minAgentVersion?: string;
    }
  | { readonly unreachable: string };

/** The server is inside a VPC as a rule: whether it can be reached from here is soon known. */
const REACH_MS = 4_000;

/**
 * Tries to reach the stage's server: by `--url`, by the settings' `monitoring.serverUrl`, or by the endpoint that its
 * stack put out. It is most often inside a VPC, so that not reaching it is an answer, not an error.
 */
export async function reachServer(context: CommandContext): Promise<ReachedServer> {
  const { options, settings, clients, names } = context;
  const url =
    (typeof options.url === "string" ? options.url : undefined) ??
    settings.monitoring.serverUrl ??
    (await findStack(clients, names.stack("Server")))?.Outputs?.find(
      ({ OutputKey }) => OutputKey === "ServerEndpoint",
    )?.OutputValue;
  if (!url) return { unreachable: "the server's stack names no endpoint; give --url" };
  const client = new DbwardClient({ url });
  try {
    const health = await client.health({ deadline: Deadline.after(REACH_MS, context.signal) });
    return { client, url, ...health };
  } catch (error) {
    client.close();
    return {
      unreachable: `${url} can't be reached from here (${(error as { reason?: string }).reason ?? "no answer"}); give --url with an address that can be`,
    };
  }
}
