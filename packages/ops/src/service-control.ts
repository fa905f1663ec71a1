import { UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { DbwardError, Deadline } from "@dbward-aws/core";
import {
  type AwsClients,
  describeServices,
  during,
  findTasks,
  lastEnd,
  type TaskFilter,
} from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";

/** A service in its cluster, by their names. */
export interface ServiceName {
  readonly cluster: string;
  readonly service: string;
}

/** How the one-off tasks of a command are known. */
export interface OneOffTask {
  /** Family of their task definition. */
  readonly family: string;
  readonly startedBy: string;
}

/** What changes services, and until when. */
type Control = Pick<CommandContext, "clients" | "signal">;

const ASK_EVERY_MS = 2_000;
/** Milliseconds for tasks to end: ECS gives them up to two minutes after SIGTERM. */
const STOP_WITHIN = 600_000;
/** Milliseconds for tasks to become healthy: image, secrets, health checks. */
const START_WITHIN = 900_000;

/** A service did not stop or start. */
export class ServiceControlError extends DbwardError {
  override readonly name = "ServiceControlError";

  constructor({ cluster, service }: ServiceName, region: string, what: string) {
    super("service-not-changed", `Service ${service} of cluster ${cluster} ${what}.`, {
      hint: `See its events: aws ecs describe-services --cluster ${cluster} --services ${service} --region ${region}. Then run this again: it continues.`,
    });
  }
}

/** A one-off task of an earlier call still runs. */
class TaskNotEndedError extends DbwardError {
  override readonly name = "TaskNotEndedError";

  constructor(startedBy: string, cluster: string, milliseconds: number) {
    super(
      "task-not-ended",
      `A task of cluster ${cluster} that an earlier call of this command started (${startedBy}) has not ended after ${milliseconds / 60_000} minutes.`,
      { hint: "Look for the reason in the ECS console, and run this again: it continues." },
    );
  }
}

/** The service of the stage's server. */
export function serverServiceOf({ names }: Pick<CommandContext, "names">): ServiceName {
  return { cluster: names.cluster, service: names.serverService };
}

/** How many tasks a service is to have; `undefined` when there is no such service. */
export async function desiredTasks(
  clients: AwsClients,
  { cluster, service }: ServiceName,
): Promise<number | undefined> {
  return (await describeServices(clients, cluster, [service])).get(service)?.desiredCount;
}

/**
 * Scales a service to 0, and waits until all of its tasks have ended, and not only begun to. A service that doesn't exist has none.
 *
 * @throws ServiceControlError, AwsCallError; the reason of the signal
 */
export async function stopService({ clients, signal }: Control, name: ServiceName): Promise<void> {
  const { cluster, service } = name;
  if ((await desiredTasks(clients, name)) === undefined) return;
  await scaleService(clients, name, 0);
  const isStopped = async () => {
    const found = (await describeServices(clients, cluster, [service])).get(service);
    if (found?.desiredCount || found?.runningCount || found?.pendingCount) return undefined;
    return (await haveEnded(clients, cluster, { serviceName: service })) || undefined;
  };
  if (await Deadline.after(STOP_WITHIN, signal).until(isStopped, ASK_EVERY_MS)) return;
  signal.throwIfAborted();
  throw new ServiceControlError(
    name,
    await clients.ecs.config.region(),
    `still has tasks ${STOP_WITHIN / 60_000} minutes after it was scaled to 0`,
  );
}

/**
 * Waits until the one-off tasks have ended that a call which was cut off has left.
 *
 * @param within milliseconds
 * @throws TaskNotEndedError, AwsCallError; the reason of the signal
 */
export async function awaitEarlierTask(
  { clients, names, signal }: Control & Pick<CommandContext, "names">,
  { family, startedBy }: OneOffTask,
  within: number,
): Promise<void> {
  const { cluster } = names;
  const ended = async () => (await haveEnded(clients, cluster, { family, startedBy })) || undefined;
  if (await Deadline.after(within, signal).until(ended, ASK_EVERY_MS)) return;
  signal.throwIfAborted();
  throw new TaskNotEndedError(startedBy, cluster, within);
}

/** A task that is to stop may still run. */
async function haveEnded(clients: AwsClients, cluster: string, filter: TaskFilter): Promise<boolean> {
  const tasks = await Promise.all(
    (["RUNNING", "STOPPED"] as const).map((state) => findTasks(clients, cluster, filter, state)),
  );
  return tasks.flat().every(({ lastStatus }) => lastStatus === "STOPPED");
}

/**
 * Scales a service up, and waits until its tasks are healthy.
 *
 * @throws ServiceControlError, AwsCallError; the reason of the signal
 */
export async function startService(
  { clients, signal }: Control,
  name: ServiceName,
  tasks: number,
): Promise<void> {
  await scaleService(clients, name, tasks);
  const isHealthy = async () => {
    const running = await findTasks(clients, name.cluster, { serviceName: name.service }, "RUNNING");
    const healthy = running.filter(
      ({ lastStatus, healthStatus }) => lastStatus === "RUNNING" && healthStatus === "HEALTHY",
    );
    return healthy.length >= tasks || undefined;
  };
  if (await Deadline.after(START_WITHIN, signal).until(isHealthy, ASK_EVERY_MS)) return;
  signal.throwIfAborted();
  const end = await lastEnd(clients, name.cluster, name.service);
  throw new ServiceControlError(
    name,
    await clients.ecs.config.region(),
    `doesn't have ${tasks} healthy tasks after ${START_WITHIN / 60_000} minutes${end ? `; the last one stopped: ${end}` : ""}`,
  );
}

/** Sets how many tasks a service is to have, and waits for none of them. @throws AwsCallError */
export async function scaleService(
  { ecs }: AwsClients,
  { cluster, service }: ServiceName,
  desiredCount: number,
): Promise<void> {
  await during(
    `Scaling service ${service} of cluster ${cluster} to ${desiredCount}`,
    ecs.send(new UpdateServiceCommand({ cluster, service, desiredCount })),
  );
}
