import { type Service, UpdateServiceCommand, type UpdateServiceCommandInput } from "@aws-sdk/client-ecs";
import type { Progress } from "@dbward-aws/cli";
import { DbwardError, Deadline, redact } from "@dbward-aws/core";
import { describeServices, during, eventsByTime, lastEnd } from "@dbward-aws/stage";
import { deploymentInForce, endedRollout, isTaskOf } from "@dbward-aws/stage/rollout";
import type { CommandContext } from "./command.ts";

/** A server drains for 20 s, an agent for up to 120 s, and images are pulled: minutes, not seconds. */
const WAIT_MINUTES = 15;
const ASK_EVERY_MS = 2_000;

/** The tasks of a service did not become healthy after a change. */
export class RolloutError extends DbwardError {
  override readonly name = "RolloutError";

  constructor({ links, names, settings }: CommandContext, service: string, message: string) {
    super("rollout-failed", message, {
      hint: `See ${links ? `${links.service(names.cluster, service)} and ` : ""}\`pnpm ops status --stage ${settings.stage}\`.`,
    });
  }
}

/**
 * Changes a service, and waits until its tasks are healthy.
 *
 * @param change what `UpdateService` gets besides the service. With `forceNewDeployment` only new tasks count
 * @returns how many tasks run
 * @throws RolloutError
 */
export async function changeService(
  context: CommandContext,
  service: string,
  change: Omit<UpdateServiceCommandInput, "cluster" | "service">,
  progress: Progress,
): Promise<number> {
  const { clients, names } = context;
  const { service: updated } = await during(
    `Updating service ${service}`,
    clients.ecs.send(new UpdateServiceCommand({ cluster: names.cluster, service, ...change })),
  );
  const deployment = change.forceNewDeployment ? (deploymentInForce(updated)?.id ?? "") : undefined;
  return waitForService(context, service, progress, { deployment, before: updated });
}

/** What {@link waitForService} waits for. */
export interface Awaited {
  /** Id of the deployment that must have started the tasks. @default - any */
  readonly deployment?: string | undefined;
  /** The service before; its former events are not shown. @default - all events so far are left out */
  readonly before?: Service | undefined;
}

/**
 * Waits until all tasks of a service run and are healthy, and nothing of a former deployment is left. Shows the events of the service
 * meanwhile.
 *
 * @returns how many tasks run
 * @throws RolloutError when its deployment fails, after 15 minutes, and when the user stops waiting
 */
export async function waitForService(
  context: CommandContext,
  service: string,
  progress: Progress,
  { deployment, before }: Awaited = {},
): Promise<number> {
  const {
    clients,
    names: { cluster },
  } = context;
  const read = async () => (await describeServices(clients, cluster, [service])).get(service);
  const showEvents = eventPrinter(progress, before ?? (await read()));
  const waiting = Deadline.after(WAIT_MINUTES * 60_000, context.signal);
  const ended = await waiting.until(async () => {
    const now = await read();
    if (now) showEvents(now);
    return endedRollout(clients, cluster, service, now, deployment);
  }, ASK_EVERY_MS);
  if (ended && "failed" in ended) throw new RolloutError(context, service, ended.failed);
  if (ended) return ended.healthy;
  if (context.signal.aborted)
    throw new RolloutError(context, service, `Stopped waiting for ${service}; ECS continues.`);
  const end = await lastEnd(clients, cluster, service, isTaskOf(deployment));
  throw new RolloutError(
    context,
    service,
    `After ${WAIT_MINUTES} minutes the tasks of ${service} are not all running and healthy.${end ? ` The last one stopped: ${end}.` : ""}`,
  );
}

/** Shows the events of a service, each once, without those from before. */
function eventPrinter(progress: Progress, before: Service | undefined): (now: Service) => void {
  const shown = new Set((before?.events ?? []).map(({ id }) => id));
  return (now) => {
    for (const { id, message = "" } of eventsByTime(now)) {
      if (!shown.has(id)) progress.note(redact(message));
      shown.add(id);
    }
  };
}
