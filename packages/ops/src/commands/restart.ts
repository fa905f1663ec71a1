import { type Service, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { during } from "../aws-error.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { findServices } from "../services.ts";
import { describeServices } from "../status/services.ts";

/** A server drains for 20 s, an agent for up to 120 s, and images are pulled: minutes, not seconds. */
const WAIT_MINUTES = 15;
const ASK_EVERY_MS = 2_000;

/** The restart was asked for, and the new tasks don't run. */
export class RestartError extends DbwardError {
  override readonly name = "RestartError";

  constructor(message: string, link: string) {
    super("restart-failed", message, { hint: `See ${link} and \`pnpm ops status\`.` });
  }
}

/** `pnpm ops restart`. */
export const restart: Command = {
  summary: "replaces tasks by new ones, and waits for them: after a change of a secret or an SSM parameter",
  usage: "server | agent [NAME]",
  maxWords: 2,
  async run(context) {
    if (context.words.length === 0)
      throw new UsageError("restart needs to know what.", "Such as: pnpm ops restart agent --stage prod");
    const services = findServices(context.words, context.settings, context.names);
    // Agents one after the other, so that there is always one that works.
    for (const { service } of services) await restartService(context, service);
    return 0;
  },
};

async function restartService(context: CommandContext, service: string): Promise<void> {
  const { clients, names, print } = context;
  const { service: updated } = await during(
    `Restarting ${service}`,
    clients.ecs.send(new UpdateServiceCommand({ cluster: names.cluster, service, forceNewDeployment: true })),
  );
  const deployment = primary(updated);
  print(
    service === names.serverService
      ? "Restarting the server: its task drains and stops before the next one starts, so it is away for a moment."
      : `Restarting ${service}.`,
  );
  const deadline = Deadline.after(WAIT_MINUTES * 60_000, context.signal);
  const done = await deadline.until(async () => {
    const now = (await describeServices(context, [service])).get(service);
    const rollout = primary(now);
    if (rollout?.rolloutState === "FAILED" || (deployment?.id && rollout?.id !== deployment.id))
      throw new RestartError(
        `The restart of ${service} did not come through: ${rollout?.rolloutStateReason ?? "another deployment took its place"}.`,
        context.links.service(names.cluster, service),
      );
    return isSettled(now) ? now : undefined;
  }, ASK_EVERY_MS);
  if (!done)
    throw new RestartError(
      context.signal.aborted
        ? `Waiting for ${service} was stopped; the restart itself goes on.`
        : `After ${WAIT_MINUTES} minutes the new tasks of ${service} don't run.`,
      context.links.service(names.cluster, service),
    );
  print(`${service}: ${done.runningCount} of ${done.desiredCount} running.`);
}

function primary(service: Service | undefined) {
  return service?.deployments?.find(({ status }) => status === "PRIMARY");
}

/** One deployment left, with all its tasks, and complete as far as ECS says. */
function isSettled(service: Service | undefined): boolean {
  const rollout = primary(service);
  return (
    service?.deployments?.length === 1 &&
    service.runningCount === service.desiredCount &&
    (rollout?.rolloutState ?? "COMPLETED") === "COMPLETED"
  );
}
