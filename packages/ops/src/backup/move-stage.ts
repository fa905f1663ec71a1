import type { Progress } from "@dbward-aws/cli";
import type { ExistingState, StageState } from "@dbward-aws/settings";
import { type TokenSecret, tokenSecrets } from "@dbward-aws/stage";
import { isAccepted, TokenStore } from "@dbward-aws/token-rotation";
import type { CommandContext } from "../command.ts";
import { waitForService } from "../rollout.ts";
import { waitForServer } from "../server-access.ts";
import { scaleService, serverServiceOf, stopService } from "../service-control.ts";
import { waitUntilUnmounted } from "../wait-until-unmounted.ts";

/** What a move works with. */
export interface Move {
  /** The file system in use. */
  readonly from: ExistingState;
  readonly to: ExistingState;
  readonly direction: NonNullable<StageState["moving"]>;
  /** Writes what is known of the stage's file systems. The setting `state` is read from there. */
  write(state: StageState): void;
  /** Deploys what the settings say now, and waits for the server. */
  deploy(): Promise<unknown>;
  /** URL of the server. @default - through its task */
  readonly url: string | undefined;
}

/**
 * Moves a deployed stage to another file system. The server is stopped first, so that no mount target is
 * deleted under it. Can be done again after a cut at any step.
 *
 * @returns the tokens that the server doesn't know
 */
export async function moveStage(
  context: CommandContext,
  { from, to, direction, write, deploy, url }: Move,
  progress: Progress,
): Promise<readonly TokenSecret[]> {
  const { serverService } = context.names;
  progress.step("Stopping the server");
  await stopService(context, serverServiceOf(context));
  progress.done("The server is stopped");
  await waitUntilUnmounted(context, to.fileSystemId, progress);
  const { replaces: _from, ...former } = from;
  const state = { ...to, replaces: from.fileSystemId };
  write({ state, former, moving: direction });
  progress.step(`Deploying the stage on ${to.fileSystemId}`);
  await deploy();
  // The deployment starts a task with the service's desired count, unless CloudFormation had nothing to change.
  await scaleService(context.clients, serverServiceOf(context), 1);
  await waitForService(context, serverService, progress);
  progress.step("Waiting until the server is ready");
  const server = await waitForServer(context, url);
  try {
    const unknown = await unknownTokens(context, server.client);
    write({ state, former });
    progress.done(`The server answers on file system ${to.fileSystemId}`);
    return unknown;
  } finally {
    await server.close();
  }
}

/** The captured tokens that the server refuses: they were made after the backup. */
async function unknownTokens(
  { settings, names, clients, signal }: CommandContext,
  client: Parameters<typeof isAccepted>[0]["client"],
): Promise<readonly TokenSecret[]> {
  const refused: TokenSecret[] = [];
  for (const token of tokenSecrets(settings, names)) {
    const { current } = await new TokenStore(clients, token.secret).read();
    if (!current || !(await isAccepted({ client, adminToken: "", signal }, current.value)))
      refused.push(token);
  }
  return refused;
}
