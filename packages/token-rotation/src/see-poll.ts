import { Deadline } from "@dbward-aws/core";
import { RotationError } from "./rotate-token.ts";
import { callOptions, type ServerAccess } from "./server-tokens.ts";

/** Milliseconds within which an agent with new, healthy tasks has to poll. */
export const POLL_WITHIN = 120_000;

/**
 * Waits until an agent polls the server.
 *
 * @param agent its name, and the subject of its token
 * @throws RotationError when it has not polled within {@link POLL_WITHIN}; the reason of the signal
 */
export async function seePoll(
  access: ServerAccess,
  { owner, subject }: { readonly owner: string; readonly subject: string },
): Promise<void> {
  const { client, signal } = access;
  const since = Date.now();
  const polled = await Deadline.after(POLL_WITHIN, signal).until(async () => {
    const row = (await client.agents(callOptions(access))).find(({ id }) => id === subject);
    // The server's whole seconds are rounded down.
    const longestAge =
      row && row.status !== "offline" ? row.lastPollAgeSeconds + 1 : Number.POSITIVE_INFINITY;
    return longestAge <= (Date.now() - since) / 1000 || undefined;
  }, 1_000);
  signal.throwIfAborted();
  if (!polled)
    throw new RotationError(
      `Agent ${owner} has not polled the server for ${POLL_WITHIN / 1000} s, although its tasks are new and healthy.`,
      `See why with \`pnpm ops logs agent ${owner}\`, and run this command again: it continues.`,
    );
}
