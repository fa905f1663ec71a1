import {
  type Deployment,
  type ECSClient,
  type Service,
  type Task,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { redact } from "@dbward-aws/core";
import { during } from "./aws-error.ts";
import { findTasks, lastEnd } from "./service-tasks.ts";
import { describeServices } from "./view/read-services.ts";

export { describeServices };

type EcsClients = { readonly ecs: ECSClient };

/** How a deployment of a service ended: with so many healthy tasks, or why not. */
export type EndedRollout = { readonly healthy: number } | { readonly failed: string };

/** The deployment that decides which tasks of a service run. */
export function deploymentInForce(service: Service | undefined): Deployment | undefined {
  return service?.deployments?.find(({ status }) => status === "PRIMARY");
}

/**
 * Starts new tasks in place of all tasks of a service.
 *
 * @returns id of the deployment that does it
 * @throws AwsCallError
 */
export async function replaceTasks({ ecs }: EcsClients, cluster: string, service: string): Promise<string> {
  const { service: updated } = await during(
    `Replacing the tasks of service ${service}`,
    ecs.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true })),
  );
  return deploymentInForce(updated)?.id ?? "";
}

/**
 * Whether a deployment is still the one that decides which tasks of its service run, and has not failed.
 *
 * @throws AwsCallError
 */
export async function isInForce(
  clients: EcsClients,
  cluster: string,
  service: string,
  deployment: string,
): Promise<boolean> {
  const inForce = deploymentInForce((await describeServices(clients, cluster, [service])).get(service));
  return inForce?.id === deployment && inForce.rolloutState !== "FAILED";
}

/** Tells the tasks of a deployment from others. @param deployment @default - any */
export function isTaskOf(deployment: string | undefined): (task: Task) => boolean {
  return ({ startedBy }) => deployment === undefined || startedBy === deployment;
}

/**
 * Whether all tasks of a service run and are healthy, and nothing of a former deployment is left.
 *
 * @param now the service; `undefined` when it doesn't exist
 * @param deployment id of the deployment that must have started the tasks. @default - any
 * @returns `undefined` while it goes on
 * @throws AwsCallError
 */
export async function endedRollout(
  clients: EcsClients,
  cluster: string,
  service: string,
  now: Service | undefined,
  deployment?: string,
): Promise<EndedRollout | undefined> {
  if (!now) return { failed: `Service ${service} was deleted meanwhile.` };
  const inForce = deploymentInForce(now);
  const own = deployment === undefined ? inForce : now.deployments?.find(({ id }) => id === deployment);
  if (own?.rolloutState === "FAILED" || (deployment !== undefined && inForce?.id !== deployment)) {
    const reason = own?.rolloutStateReason ?? "another deployment took its place";
    const end = await lastEnd(clients, cluster, service, isTaskOf(deployment));
    return {
      failed: `The deployment of ${service} failed: ${redact(reason).replace(/\.$/, "")}${end ? `; its last task stopped: ${end}` : ""}.`,
    };
  }
  if (own?.rolloutState !== "COMPLETED" || now.deployments?.length !== 1) return undefined;
  const { desiredCount = 0, runningCount = 0 } = now;
  if (deployment === undefined && runningCount !== desiredCount) return undefined;
  // ECS calls a deployment complete when its tasks run, and names in each task the deployment that started it.
  const tasks = (await findTasks(clients, cluster, { serviceName: service }, "RUNNING")).filter(
    isTaskOf(deployment),
  );
  const healthy = tasks.filter(
    ({ lastStatus, healthStatus }) => lastStatus === "RUNNING" && healthStatus === "HEALTHY",
  );
  return healthy.length >= desiredCount ? { healthy: healthy.length } : undefined;
}
