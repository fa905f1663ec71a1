import { DescribeServicesCommand, type ECSClient, type Service } from "@aws-sdk/client-ecs";
import { DEPLOYMENT_GRACE_SECONDS } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";
import type { ServiceNames } from "./environment.ts";
import { TaskCountError } from "./errors.ts";

/** Tasks of one service. */
export interface TaskCount {
  readonly desired: number;
  readonly running: number;
}

/** Tasks of the stage's services. */
export interface TaskCounts {
  readonly server: TaskCount;
  /** By the name of the service. */
  readonly agents: ReadonlyMap<string, TaskCount>;
  /** Services whose deployment is in progress and young. */
  readonly deploying: number;
}

/** Services that one call of DescribeServices takes. */
const SERVICES_A_CALL = 10;

/** @throws {TaskCountError} when ECS doesn't answer or doesn't know one of the services */
export async function countTasks(
  ecs: ECSClient,
  names: ServiceNames,
  deadline: Deadline,
): Promise<TaskCounts> {
  const wanted = [names.server, ...names.agents];
  const calls: Promise<Service[]>[] = [];
  for (let at = 0; at < wanted.length; at += SERVICES_A_CALL)
    calls.push(describe(ecs, names.cluster, wanted.slice(at, at + SERVICES_A_CALL), deadline));
  const services = (await Promise.all(calls)).flat();
  const counts = new Map(
    services.map(({ serviceName, desiredCount = 0, runningCount = 0 }) => [
      serviceName,
      { desired: desiredCount, running: runningCount },
    ]),
  );
  const countOf = (name: string): TaskCount => {
    const count = counts.get(name);
    if (!count) throw new TaskCountError(`it doesn't know the service ${name}`);
    return count;
  };
  return {
    server: countOf(names.server),
    agents: new Map(names.agents.map((name) => [name, countOf(name)])),
    deploying: services.filter(isDeploying).length,
  };
}

/** A deployment that goes on for longer hangs, and is no excuse any more. */
function isDeploying({ deployments = [] }: Service): boolean {
  const oldest = Date.now() - DEPLOYMENT_GRACE_SECONDS * 1_000;
  return deployments.some(
    ({ rolloutState, createdAt }) => rolloutState === "IN_PROGRESS" && (createdAt?.getTime() ?? 0) > oldest,
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
