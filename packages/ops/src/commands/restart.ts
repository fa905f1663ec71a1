import { type Deployment, type Service, type Task, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { DbwardError, Deadline, redact } from "@dbward-aws/core";
import { during } from "../aws-error.ts";
import { type Command, type CommandContext, UsageError } from "../command.ts";
import { checkRestart } from "../preflight/preflight.ts";
import { findServices } from "../services.ts";
import { describeServices, eventsByTime, findTasks, lastEnd } from "../status/services.ts";

/** A server drains for 20 s, an agent for up to 120 s, and images are pulled: minutes, not seconds. */
const WAIT_MINUTES = 15;
const ASK_EVERY_MS = 2_000;

/** The restart was requested, and the new tasks don't run. */
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
    const words = services.map(({ word }) => word);
    for (const warning of await checkRestart(context.settings, context.clients, words))
      context.print(`Warning: ${warning}`);
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
  print(
    service === names.serverService
      ? "Restarting the server: its task drains and stops before the next one starts, so it is away for a moment."
      : `Restarting ${service}.`,
  );
  const { id = "" } = primary(updated) ?? {};
  const tell = eventPrinter(context, updated);
  const deadline = Deadline.after(WAIT_MINUTES * 60_000, context.signal);
  const done = await deadline.until(async () => {
    const now = (await describeServices(context, [service])).get(service);
    if (now) tell(now);
    return (await hasNewTasks(context, service, now, id)) || undefined;
  }, ASK_EVERY_MS);
  if (done) {
    print(`${service}: ${done.length} of ${done.length} running and healthy, all of them new.`);
    return;
  }
  if (context.signal.aborted)
    throw failure(context, service, `Waiting for ${service} was stopped; the restart itself goes on.`);
  const end = await lastEnd(context, service, ({ startedBy }) => startedBy === id);
  const why = end ? ` The last one stopped: ${end}.` : "";
  throw failure(
    context,
    service,
    `After ${WAIT_MINUTES} minutes the new tasks of ${service} don't run or aren't healthy.${why}`,
  );
}

/**
 * @param id of the deployment that the restart began
 * @returns the healthy tasks of that deployment, once it is complete and nothing of a former one is left
 * @throws RestartError when it won't be
 */
async function hasNewTasks(
  context: CommandContext,
  service: string,
  now: Service | undefined,
  id: string,
): Promise<readonly Task[] | undefined> {
  if (!now) throw failure(context, service, `Service ${service} was deleted during its restart.`);
  const own = now.deployments?.find((deployment) => deployment.id === id);
  if (own?.rolloutState === "FAILED" || primary(now)?.id !== id) {
    const reason = own?.rolloutStateReason ?? "another deployment took its place";
    const end = await lastEnd(context, service, ({ startedBy }) => startedBy === id);
    throw failure(
      context,
      service,
      `The restart of ${service} failed: ${redact(reason).replace(/\.$/, "")}${end ? `; its last task stopped: ${end}` : ""}.`,
    );
  }
  if (own?.rolloutState !== "COMPLETED" || now.deployments?.length !== 1) return undefined;
  // ECS calls a deployment complete when its tasks run, and names in each task the deployment that started it.
  const tasks = (await findTasks(context, service, "RUNNING")).filter(({ startedBy }) => startedBy === id);
  const healthy = tasks.filter(
    ({ lastStatus, healthStatus }) => lastStatus === "RUNNING" && healthStatus === "HEALTHY",
  );
  return healthy.length >= (now.desiredCount ?? 0) ? healthy : undefined;
}

/** Prints what a service says of itself, each message once, and nothing that it said before the restart. */
function eventPrinter({ print }: CommandContext, before: Service | undefined): (now: Service) => void {
  const told = new Set((before?.events ?? []).map(({ id }) => id));
  return (now) => {
    for (const { id, message = "" } of eventsByTime(now)) {
      if (!told.has(id)) print(`  ${redact(message)}`);
      told.add(id);
    }
  };
}

function failure({ links, names }: CommandContext, service: string, message: string): RestartError {
  return new RestartError(message, links.service(names.cluster, service));
}

function primary(service: Service | undefined): Deployment | undefined {
  return service?.deployments?.find(({ status }) => status === "PRIMARY");
}
