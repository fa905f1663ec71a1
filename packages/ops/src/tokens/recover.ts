import { type ActionOptions, act, type Progress } from "@dbward-aws/cli";
import { type TokenSecret, tokenSecrets } from "@dbward-aws/stage";
import { isAccepted, RotationError, TokenStore } from "@dbward-aws/token-rotation";
import type { CommandContext } from "../command.ts";
import { recapture } from "../recapture.ts";
import { changeService } from "../rollout.ts";
import { waitForServer } from "../server-access.ts";
import { forceBootstrap } from "./force-bootstrap.ts";

/** `pnpm ops tokens recover`. */
export async function recover(
  context: CommandContext,
  url: string | undefined,
  options: ActionOptions,
): Promise<number> {
  const { settings, names, clients, signal, io } = context;
  const bootstrapped = tokenSecrets(settings, names).filter(({ isBootstrap }) => isBootstrap);
  const owners = bootstrapped.map(({ owner, kind }) => (kind === "agent" ? `agent ${owner}` : owner));
  const plan = {
    title: `Recover the bootstrap tokens of stage ${settings.stage}. The server is stopped for some minutes`,
    steps: [
      "Stop the server, and wait until its task has ended",
      "Revoke all bootstrap tokens, that of the administrator and that of an agent, by a one-off task that starts the server with " +
        "--force-bootstrap; it writes new ones. Tokens that the server has issued otherwise stay valid",
      "Start the server, and wait until it is ready",
      `Empty the secrets of ${owners.join(" and ")} whose token the server now refuses, and capture the new tokens`,
      ...bootstrapped
        .filter(({ kind }) => kind === "agent")
        .map(
          ({ owner }) =>
            `Replace the tasks of agent ${owner}, if its token was revoked: it can't poll until then`,
        ),
    ],
  };
  return act(io, options, plan, async (progress) => {
    await forceBootstrap(context, progress);
    progress.step("Waiting until the server is ready");
    const server = await waitForServer(context, url);
    try {
      const access = { client: server.client, adminToken: "", signal };
      const captured: TokenSecret[] = [];
      for (const token of bootstrapped) {
        const store = new TokenStore(clients, token.secret);
        const { current } = await store.read();
        if (current && (await isAccepted(access, current.value))) continue;
        captured.push(token);
        // To the capture, a secret with nothing but white space is empty; Secrets Manager stores no shorter value.
        if (current) await store.replace(" ");
      }
      await capture(context, captured, progress);
      for (const { secret, owner } of bootstrapped) {
        const { current } = await new TokenStore(clients, secret).read();
        if (!current || !(await isAccepted(access, current.value)))
          throw new RotationError(
            `The server refuses the token of ${owner} after the recovery.`,
            "Run this command again.",
          );
      }
      progress.done("The server accepts the captured tokens.");
      return { captured: captured.map(({ owner }) => owner) };
    } finally {
      await server.close();
    }
  });
}

/** Fills the emptied secrets, and lets the agents read them. */
async function capture(
  context: CommandContext,
  emptied: readonly TokenSecret[],
  progress: Progress,
): Promise<void> {
  if (emptied.length === 0) return;
  progress.step("Capturing the new tokens");
  await recapture({ ...context, print: (line) => progress.note(line) });
  for (const { owner, kind } of emptied) {
    if (kind !== "agent") continue;
    progress.step(`Replacing the tasks of agent ${owner}`);
    await changeService(context, context.names.agentService(owner), { forceNewDeployment: true }, progress);
  }
}
