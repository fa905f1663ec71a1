import type { ECSClient } from "@aws-sdk/client-ecs";
import type { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { DbwardError, Deadline, type Logger } from "@dbward-aws/core";
import { type DbwardClient, DbwardRequestError } from "@dbward-aws/dbward-client";
import { describeServices } from "@dbward-aws/stage/rollout";
import type { TokenCheckSettings } from "./environment.ts";

/** A stage whose tokens are looked after. */
export interface TokenStage {
  readonly settings: Pick<
    TokenCheckSettings,
    "cluster" | "serverService" | "agentServicePrefix" | "tokens" | "rotateAfterDays"
  >;
  readonly server: DbwardClient;
  readonly secrets: SecretsManagerClient;
  readonly ecs: ECSClient;
  readonly logger: Logger;
}

/** Milliseconds for a server that is being replaced to become ready; a replacement takes up to three minutes. */
const READY_WITHIN = 300_000;
const ASK_EVERY_MS = 2_000;

/** The server does not answer, or is not ready. */
class ServerNotReadyError extends DbwardError {
  override readonly name = "ServerNotReadyError";

  constructor(cause: unknown) {
    super("token-check-no-server", "The tokens were not checked: the server is not ready.", {
      cause,
      hint: "See `pnpm ops status`. The next run tries again.",
    });
  }
}

/**
 * Waits until the server is ready.
 *
 * @param wait how long at most, in milliseconds
 * @returns false when the server was stopped on purpose: its service wants no task
 * @throws {DbwardError} when it does not become ready; AwsCallError
 */
export async function awaitServer(
  { server, ecs, settings: { cluster, serverService } }: TokenStage,
  deadline: Deadline,
  wait: number = READY_WITHIN,
): Promise<boolean> {
  const found = (await describeServices({ ecs }, cluster, [serverService])).get(serverService);
  if (found?.desiredCount === 0) return false;
  let last: unknown;
  const ready = await Deadline.after(Math.min(wait, deadline.remaining), deadline.signal).until(async () => {
    try {
      last = undefined;
      return (await server.ready()).state === "ready" || undefined;
    } catch (error) {
      if (!(error instanceof DbwardRequestError)) throw error;
      last = error;
      return undefined;
    }
  }, ASK_EVERY_MS);
  if (!ready) throw new ServerNotReadyError(last);
  return true;
}
