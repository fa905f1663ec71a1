import { DescribeServicesCommand, type ECSClient, type Service } from "@aws-sdk/client-ecs";
import type { Deadline } from "@dbward-aws/core";
import type { AgentService, ServiceNames } from "./environment.ts";
import { TaskCountError } from "./errors.ts";

/** Seconds after which a deployment that has not ended no longer counts in the metric `DeploymentsRunning`. */
const DEPLOYMENT_GRACE_SECONDS = 900;
/**
 * Seconds for which a completed deployment still counts in the metric `DeploymentsRunning`. ECS completes one of
 * the server as soon as the server is healthy; until its agents have polled again, which takes up to half a minute when a
 * connection of theirs hangs, their rows say `offline`.
 */
const DEPLOYMENT_AFTERMATH_SECONDS = 120;

/**
 * Seconds for which a service that ECS has never had counts in the metric `DeploymentsRunning`: the stack of the agents is created
 * beside that of the poller, and its services begin a deployment as soon as they exist.
 */
const NEW_SERVICE_GRACE_SECONDS = 300;

/** Tasks of one service. */
export interface TaskCount {
  readonly desired: number;
  readonly running: number;
  /**
   * Whether the service is deleted or being deleted: its agent was removed from the stage, or its tasks are
   * missing.
   */
  readonly deleted: boolean;
}

/** Tasks of the stage's services. */
export interface TaskCounts {
  readonly server: TaskCount;
  /** By the name of the agent. */
  readonly agents: ReadonlyMap<string, TaskCount>;
  /**
   * Services with a recent deployment that is in progress or just completed, and those that are about to be
   * created.
   */
  readonly deploying: number;
}

/**
 * Distinguishes a service that is about to be created from a deleted one: after a while, ECS has neither.
 * This state is lost with the function's instance; an update of the poller begins a new one.
 */
export class AwaitedServices {
  readonly #missingSince = new Map<string, number>();
  readonly #seen = new Set<string>();

  /**
   * The wanted services that ECS does not have and never had, for {@link NEW_SERVICE_GRACE_SECONDS} after the
   * first call.
   *
   * @param now milliseconds since the epoch
   */
  among(wanted: readonly string[], found: ReadonlySet<string | undefined>, now = Date.now()): string[] {
    return wanted.filter((name) => {
      if (found.has(name)) this.#seen.add(name);
      if (this.#seen.has(name)) return false;
      const since = this.#missingSince.get(name) ?? now;
      this.#missingSince.set(name, since);
      return now - since < NEW_SERVICE_GRACE_SECONDS * 1_000;
    });
  }
}

/** Most services in one call of DescribeServices. */
const SERVICES_PER_CALL = 10;

/**
 * A missing service of an agent counts with its number of tasks in the settings: after its removal from the
 * stage that lasts a minute, until the poller is updated; otherwise a user has deleted it.
 *
 * @throws {TaskCountError} when ECS does not answer or does not have the server's service
 */
export async function countTasks(
  ecs: ECSClient,
  names: ServiceNames,
  deadline: Deadline,
  awaited: AwaitedServices,
): Promise<TaskCounts> {
  const wanted = [names.server, ...names.agents.map(({ name }) => name)];
  const calls: Promise<Service[]>[] = [];
  for (let at = 0; at < wanted.length; at += SERVICES_PER_CALL)
    calls.push(describe(ecs, names.cluster, wanted.slice(at, at + SERVICES_PER_CALL), deadline));
  const services = (await Promise.all(calls)).flat();
  const found = (name: string) => services.find(({ serviceName }) => serviceName === name);
  const server = found(names.server);
  if (!server) throw new TaskCountError(`it does not have the service ${names.server}`);
  return {
    server: countOf(server, server.desiredCount),
    agents: new Map(names.agents.map((service) => [service.agent, agentCount(found(service.name), service)])),
    deploying:
      services.filter(isDeploying).length +
      awaited.among(wanted, new Set(services.map(({ serviceName }) => serviceName))).length,
  };
}

function countOf({ runningCount = 0, status }: Service, desired = 0): TaskCount {
  return { desired, running: runningCount, deleted: status === "DRAINING" || status === "INACTIVE" };
}

function agentCount(service: Service | undefined, { desiredCount }: AgentService): TaskCount {
  if (!service) return { desired: desiredCount, running: 0, deleted: true };
  return countOf(service, service.status === "INACTIVE" ? desiredCount : service.desiredCount);
}

/** A deployment that takes longer makes no progress, and no longer explains an outage. */
function isDeploying({ deployments = [] }: Service): boolean {
  const age = (time: Date | undefined) => (Date.now() - (time?.getTime() ?? 0)) / 1_000;
  return deployments.some(
    ({ rolloutState, createdAt, updatedAt }) =>
      age(createdAt) < DEPLOYMENT_GRACE_SECONDS &&
      (rolloutState === "IN_PROGRESS" ||
        (rolloutState === "COMPLETED" && age(updatedAt) < DEPLOYMENT_AFTERMATH_SECONDS)),
  );
}

async function describe(
  ecs: ECSClient,
  cluster: string,
  services: string[],
  { signal }: Deadline,
): Promise<Service[]> {
  try {
    const answer = await ecs.send(new DescribeServicesCommand({ cluster, services }), {
      abortSignal: signal,
    });
    return answer.services ?? [];
  } catch (error) {
    throw new TaskCountError((error as Error).name, error);
  }
}
