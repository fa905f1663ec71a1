import type { Service } from "@aws-sdk/client-ecs";
import { type Deadline, displayText } from "@dbward-aws/core";
import {
  deployedNames,
  describeServices,
  findTasks,
  lastEnd,
  liveStacks,
  resourceIds,
} from "@dbward-aws/stage";
import type { StageClients } from "./clients.ts";

/**
 * Waits until every service of the stage runs what its stack says, with healthy tasks and no deployment under
 * way. CloudFormation on AWS waits for that by itself; the emulated one is done when the records are written.
 * The wait is over, too, when a deployment has failed, or ECS has rolled back to a former task definition.
 *
 * @param note called with the number of steady services
 * @returns what is wrong with each service that isn't steady; nothing when all are
 */
export async function steadyServices(
  clients: Pick<StageClients, "cloudFormation" | "ecs">,
  stage: string,
  deadline: Deadline,
  note: (text: string) => void = () => undefined,
): Promise<string[]> {
  const live = await liveStacks(stage, clients);
  const names = deployedNames(stage, live);
  const ecs: StageEcs = { clients, cluster: names.cluster };
  const wanted = names.services.map(({ service }) => service);
  const deployed = new Set(live.flatMap((stack) => resourceIds(stack, "AWS::ECS::TaskDefinition")));
  let unsteady: Service[] = [];
  await deadline.until(async () => {
    const services = [...(await describeServices(clients, ecs.cluster, wanted)).values()];
    const steady = await Promise.all(services.map((service) => isSteady(ecs, service, deployed)));
    unsteady = services.filter((_, index) => !steady[index]);
    note(`${services.length - unsteady.length} of ${services.length} services are steady`);
    return unsteady.every((service) => hasFailed(service, deployed)) || undefined;
  }, POLL_MS);
  return Promise.all(unsteady.map((service) => describeUnsteady(ecs, service, deployed)));
}

const POLL_MS = 200;

/** What it takes to ask ECS about a stage. */
interface StageEcs {
  readonly clients: Pick<StageClients, "ecs">;
  readonly cluster: string;
}

async function isSteady(ecs: StageEcs, service: Service, deployed: ReadonlySet<string>): Promise<boolean> {
  const { deployments = [], desiredCount = 0, serviceName = "" } = service;
  if (hasFailed(service, deployed) || deployments.length !== 1) return false;
  if (primary(service)?.rolloutState !== "COMPLETED") return false;
  const tasks = await findTasks(ecs.clients, ecs.cluster, { serviceName }, "RUNNING");
  return tasks.filter(({ healthStatus }) => healthStatus === "HEALTHY").length === desiredCount;
}

function hasFailed(service: Service, deployed: ReadonlySet<string>): boolean {
  return primary(service)?.rolloutState === "FAILED" || wentBack(service, deployed);
}

function wentBack({ taskDefinition = "" }: Service, deployed: ReadonlySet<string>): boolean {
  return !deployed.has(taskDefinition);
}

async function describeUnsteady(
  ecs: StageEcs,
  service: Service,
  deployed: ReadonlySet<string>,
): Promise<string> {
  const { serviceName = "", runningCount = 0, desiredCount = 0, taskDefinition = "" } = service;
  const { id, rolloutState, rolloutStateReason = "" } = primary(service) ?? {};
  const isOld = wentBack(service, deployed);
  const end = await lastEnd(ecs.clients, ecs.cluster, serviceName, ({ startedBy, taskDefinitionArn = "" }) =>
    isOld ? deployed.has(taskDefinitionArn) : startedBy === id,
  );
  const tail = end ? `; the last task stopped: ${end}` : "";
  if (isOld)
    return `${serviceName}: its deployment failed, and ECS went back to ${taskDefinition.split("/").at(-1)}${tail}`;
  if (rolloutState === "FAILED")
    return `${serviceName}: its deployment failed: ${displayText(rolloutStateReason).replace(/\.$/, "")}${tail}`;
  return `${serviceName}: ${runningCount} of ${desiredCount} running, and not all of them healthy${tail}`;
}

function primary({ deployments = [] }: Service) {
  return deployments.find(({ status }) => status === "PRIMARY");
}
