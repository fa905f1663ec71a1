import { type EmulatorAccess, optionalMember } from "@dbward-aws/local-account";
import { z } from "zod";
import { callEcs } from "./emulated-api.ts";

const text = optionalMember(z.string());
const flag = optionalMember(z.boolean());
const count = optionalMember(z.coerce.number());
const texts = optionalMember(z.array(z.string()).readonly());

const deployment = z
  .looseObject({
    id: z.string(),
    status: z.string(),
    taskDefinition: z.string(),
    // A template's parameter makes it a text.
    desiredCount: z.coerce.number(),
  })
  .readonly();

const networkConfiguration = z
  .object({
    awsvpcConfiguration: optionalMember(
      z.object({ subnets: texts, securityGroups: texts, assignPublicIp: text }).readonly(),
    ),
  })
  .readonly();

const service = z
  .looseObject({
    serviceArn: z.string(),
    serviceName: z.string(),
    clusterArn: z.string(),
    status: z.string(),
    desiredCount: z.coerce.number(),
    taskDefinition: z.string(),
    enableExecuteCommand: flag,
    networkConfiguration: optionalMember(networkConfiguration),
    loadBalancers: optionalMember(
      z.array(z.object({ targetGroupArn: text, containerPort: count }).readonly()).readonly(),
    ),
    /** Seconds in which no health check of a load balancer counts. */
    healthCheckGracePeriodSeconds: count,
    deployments: z.array(deployment).readonly(),
    deploymentConfiguration: optionalMember(
      z
        .object({
          maximumPercent: count,
          minimumHealthyPercent: count,
          deploymentCircuitBreaker: optionalMember(z.object({ enable: flag, rollback: flag }).readonly()),
        })
        .readonly(),
    ),
  })
  .readonly();

/** One container of a task, as the emulator keeps it. */
const container = z.looseObject({ name: z.string(), containerArn: z.string(), runtimeId: text }).readonly();

const containerOverride = z
  .object({
    name: text,
    command: texts,
    environment: optionalMember(
      z.array(z.object({ name: z.string(), value: z.string() }).readonly()).readonly(),
    ),
  })
  .readonly();

const task = z
  .looseObject({
    taskArn: z.string(),
    clusterArn: z.string(),
    taskDefinitionArn: z.string(),
    lastStatus: z.string(),
    desiredStatus: z.string(),
    group: text,
    startedBy: text,
    stoppedReason: text,
    enableExecuteCommand: flag,
    containers: z.array(container).readonly(),
    /** As it was started with. */
    networkConfiguration: optionalMember(networkConfiguration),
    overrides: optionalMember(
      z.object({ containerOverrides: optionalMember(z.array(containerOverride).readonly()) }).readonly(),
    ),
  })
  .readonly();

/** Where the network interfaces of tasks are. */
export type NetworkConfiguration = z.output<typeof networkConfiguration>;

/** A service, as the emulator keeps it. */
export type ServiceRecord = z.output<typeof service>;

/** A deployment of a service, as the emulator keeps it. */
export type DeploymentRecord = z.output<typeof deployment>;

/** A task, as the emulator keeps it: a record that is RUNNING as soon as it is there. */
export type TaskRecord = z.output<typeof task>;

/** What `RunTask` may say otherwise than the task definition. */
export type ContainerOverride = z.output<typeof containerOverride>;

/** All services, and the tasks that the emulator takes for running. */
export interface Records {
  readonly services: readonly ServiceRecord[];
  readonly liveTasks: readonly { readonly taskArn: string; readonly clusterArn: string }[];
}

/** Reads all clusters of the account. @throws EmulatorCallFailed */
export async function readRecords(access: EmulatorAccess): Promise<Records> {
  const { clusterArns } = await callEcs(
    access,
    "ListClusters",
    {},
    z.object({ clusterArns: z.array(z.string()) }),
  );
  const clusters = await Promise.all(clusterArns.map((cluster) => readCluster(access, cluster)));
  return {
    services: clusters.flatMap(({ services }) => services),
    liveTasks: clusters.flatMap(({ liveTasks }) => liveTasks),
  };
}

/** The full records of tasks of one cluster. @throws EmulatorCallFailed */
export async function describeTasks(
  access: EmulatorAccess,
  cluster: string,
  tasks: readonly string[],
): Promise<readonly TaskRecord[]> {
  if (tasks.length === 0) return [];
  return (await callEcs(access, "DescribeTasks", { cluster, tasks }, z.object({ tasks: z.array(task) })))
    .tasks;
}

/**
 * Services come before tasks: a task that a deployment starts in between is put right by the next look, while
 * one that it ends would stay counted as the new deployment's.
 */
async function readCluster(access: EmulatorAccess, cluster: string): Promise<Records> {
  const { serviceArns } = await callEcs(
    access,
    "ListServices",
    { cluster },
    z.object({ serviceArns: z.array(z.string()) }),
  );
  const services = await describeServices(access, cluster, serviceArns);
  const { taskArns } = await callEcs(
    access,
    "ListTasks",
    { cluster },
    z.object({ taskArns: z.array(z.string()) }),
  );
  return { services, liveTasks: taskArns.map((taskArn) => ({ taskArn, clusterArn: cluster })) };
}

async function describeServices(
  access: EmulatorAccess,
  cluster: string,
  services: readonly string[],
): Promise<readonly ServiceRecord[]> {
  if (services.length === 0) return [];
  return (
    await callEcs(access, "DescribeServices", { cluster, services }, z.object({ services: z.array(service) }))
  ).services;
}
