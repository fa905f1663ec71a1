import { UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { type AwsClients, describeServices, during, findTasks, lastEnd } from "@dbward-aws/stage";

/** A service in its cluster, by their names. */
export interface ServiceName {
  readonly cluster: string;
  readonly service: string;
}

const ASK_EVERY_MS = 2_000;
/** Milliseconds for tasks to end: ECS gives them up to two minutes after SIGTERM. */
const STOP_WITHIN = 600_000;
/** Milliseconds for tasks to become healthy: image, secrets, health checks. */
const START_WITHIN = 900_000;

/** A service did not stop or start. */
export class ServiceControlError extends DbwardError {
  override readonly name = "ServiceControlError";

  constructor({ cluster, service }: ServiceName, what: string) {
    super("service-not-changed", `Service ${service} of cluster ${cluster} ${what}.`, {
      hint: `See its events: aws ecs describe-services --cluster ${cluster} --services ${service}. Then run this again: it continues.`,
    });
  }
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
export async function stopService(
  clients: AwsClients,
  name: ServiceName,
  signal: AbortSignal,
): Promise<void> {
  if ((await desiredTasks(clients, name)) === undefined) return;
  await scale(clients, name, 0);
  const isStopped = async () => {
    const service = (await describeServices(clients, name.cluster, [name.service])).get(name.service);
    if (service?.desiredCount || service?.runningCount || service?.pendingCount) return undefined;
    const tasks = await Promise.all(
      (["RUNNING", "STOPPED"] as const).map((state) => findTasks(clients, name.cluster, name.service, state)),
    );
    return tasks.flat().every(({ lastStatus }) => lastStatus === "STOPPED") || undefined;
  };
  if (await Deadline.after(STOP_WITHIN, signal).until(isStopped, ASK_EVERY_MS)) return;
  signal.throwIfAborted();
  throw new ServiceControlError(
    name,
    `still has tasks ${STOP_WITHIN / 60_000} minutes after it was scaled to 0`,
  );
}

/**
 * Scales a service up, and waits until its tasks are healthy.
 *
 * @throws ServiceControlError, AwsCallError; the reason of the signal
 */
export async function startService(
  clients: AwsClients,
  name: ServiceName,
  tasks: number,
  signal: AbortSignal,
): Promise<void> {
  await scale(clients, name, tasks);
  const isHealthy = async () => {
    const running = await findTasks(clients, name.cluster, name.service, "RUNNING");
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
    `doesn't have ${tasks} healthy tasks after ${START_WITHIN / 60_000} minutes${end ? `; the last one stopped: ${end}` : ""}`,
  );
}

async function scale(
  { ecs }: AwsClients,
  { cluster, service }: ServiceName,
  desiredCount: number,
): Promise<void> {
  await during(
    `Scaling service ${service} of cluster ${cluster} to ${desiredCount}`,
    ecs.send(new UpdateServiceCommand({ cluster, service, desiredCount })),
  );
}
