import { DescribeServicesCommand, type ECSClient, type Service } from "@aws-sdk/client-ecs";
import { DEPLOYMENT_AFTERMATH_SECONDS, DEPLOYMENT_GRACE_SECONDS } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";
import type { AgentService, ServiceNames } from "./environment.ts";
import { TaskCountError } from "./errors.ts";

/** Tasks of one service. */
export interface TaskCount {
  readonly desired: number;
  readonly running: number;
  /** Whether the service is deleted, or is being deleted: its agent was removed from the stage, or will be missed by its tasks. */
  readonly deleted: boolean;
}

/** Tasks of the stage's services. */
export interface TaskCounts {
  readonly server: TaskCount;
  /** By the name of the service. */
  readonly agents: ReadonlyMap<string, TaskCount>;
  /** Services whose deployment is in progress or just over, and young. */
  readonly deploying: number;
}

/** Services that one call of DescribeServices takes. */
const SERVICES_A_CALL = 10;

/**
 * An agent's service that is gone counts with the tasks that the settings want of it: between its removal and the
 * update of the poller that is a matter of a minute, and afterwards somebody has deleted it by hand.
 *
 * @throws {TaskCountError} when ECS doesn't answer or doesn't know the server's service
 */
export async function countTasks(
  ecs: ECSClient,
  names: ServiceNames,
  deadline: Deadline,
): Promise<TaskCounts> {
  const wanted = [names.server, ...names.agents.map(({ name }) => name)];
  const calls: Promise<Service[]>[] = [];
  for (let at = 0; at < wanted.length; at += SERVICES_A_CALL)
    calls.push(describe(ecs, names.cluster, wanted.slice(at, at + SERVICES_A_CALL), deadline));
  const services = (await Promise.all(calls)).flat();
  const found = (name: string) => services.find(({ serviceName }) => serviceName === name);
  const server = found(names.server);
  if (!server) throw new TaskCountError(`it doesn't know the service ${names.server}`);
  return {
    server: countOf(server, server.desiredCount),
    agents: new Map(names.agents.map((agent) => [agent.name, agentCount(found(agent.name), agent)])),
    deploying: services.filter(isDeploying).length,
  };
}

function countOf({ runningCount = 0, status }: Service, desired = 0): TaskCount {
  return { desired, running: runningCount, deleted: status === "DRAINING" || status === "INACTIVE" };
}

function agentCount(service: Service | undefined, { desiredCount }: AgentService): TaskCount {
  if (!service) return { desired: desiredCount, running: 0, deleted: true };
  return countOf(service, service.status === "INACTIVE" ? desiredCount : service.desiredCount);
}

/** A deployment that goes on for longer hangs, and does not explain an outage any more. */
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
