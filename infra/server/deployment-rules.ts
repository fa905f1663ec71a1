import type { ServerSettings } from "@dbward-aws/settings";

/** Seconds for which the server drains after SIGTERM. */
const SERVER_DRAIN_SECONDS = 20;
/** The longest stop timeout that Fargate gives, in seconds. */
const MAX_STOP_TIMEOUT_SECONDS = 120;

/**
 * The mistakes in the settings of the server's deployment, one sentence each.
 *
 * There is one SQLite file, and two servers that write to it destroy it: the old task must be gone before the new one
 * starts, at the price of 1.5 to 3 minutes without a server at every deployment.
 */
export function deploymentMistakes(settings: ServerSettings): string[] {
  const { minimumHealthyPercent, maximumPercent } = settings.deployment;
  const mistakes: string[] = [];
  if (minimumHealthyPercent !== 0)
    mistakes.push(
      `server.deployment.minimumHealthyPercent is ${minimumHealthyPercent}: write 0. The old server must stop before the new one starts, as two writers corrupt its SQLite file.`,
    );
  if (maximumPercent !== 100)
    mistakes.push(
      `server.deployment.maximumPercent is ${maximumPercent}: write 100. More starts a second server beside the first, and two writers corrupt its SQLite file.`,
    );
  if (settings.stopTimeoutSeconds <= SERVER_DRAIN_SECONDS)
    mistakes.push(
      `server.stopTimeoutSeconds is ${settings.stopTimeoutSeconds}: write more than the ${SERVER_DRAIN_SECONDS} s for which the server drains, such as 120.`,
    );
  if (settings.stopTimeoutSeconds > MAX_STOP_TIMEOUT_SECONDS)
    mistakes.push(
      `server.stopTimeoutSeconds is ${settings.stopTimeoutSeconds}: Fargate gives at most ${MAX_STOP_TIMEOUT_SECONDS}.`,
    );
  return mistakes;
}
