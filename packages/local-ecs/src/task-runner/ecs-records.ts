import type { EmulatorAccess } from "@dbward-aws/local-account";
import { callEcs } from "./emulated-api.ts";

/** A deployment of a service, as the emulator keeps it. */
export interface DeploymentRecord {
  readonly id: string;
  readonly status: string;
  readonly taskDefinition: string;
  readonly desiredCount: number;
  readonly [member: string]: unknown;
}

/** Where the network interfaces of tasks are. */
export interface NetworkConfiguration {
  readonly awsvpcConfiguration?: {
    readonly subnets?: readonly string[];
    readonly securityGroups?: readonly string[];
    readonly assignPublicIp?: string;
  };
}

/** A service, as the emulator keeps it. */
export interface ServiceRecord {
  readonly serviceArn: string;
  readonly serviceName: string;
  readonly clusterArn: string;
  readonly status: string;
  readonly desiredCount: number;
  readonly taskDefinition: string;
  readonly enableExecuteCommand?: boolean;
  readonly networkConfiguration?: NetworkConfiguration;
  readonly loadBalancers?: readonly { readonly targetGroupArn?: string; readonly containerPort?: number }[];
  /** Seconds in which no health check of a load balancer counts. */
  readonly healthCheckGracePeriodSeconds?: number;
  readonly deployments: readonly DeploymentRecord[];
  readonly deploymentConfiguration?: {
    readonly maximumPercent?: number;
    readonly minimumHealthyPercent?: number;
    readonly deploymentCircuitBreaker?: { readonly enable?: boolean; readonly rollback?: boolean };
  };
  readonly [member: string]: unknown;
}

/** One container of a task, as the emulator keeps it. */
export interface ContainerRecord {
  readonly name: string;
  readonly containerArn: string;
  readonly runtimeId?: string;
  readonly [member: string]: unknown;
}

/** What `RunTask` may say otherwise than the task definition. */
export interface ContainerOverride {
  readonly name?: string;
  readonly command?: readonly string[];
  readonly environment?: readonly { readonly name: string; readonly value: string }[];
}

/** A task, as the emulator keeps it: a record that is RUNNING as soon as it is there. */
export interface TaskRecord {
  readonly taskArn: string;
  readonly clusterArn: string;
  readonly taskDefinitionArn: string;
  readonly lastStatus: string;
  readonly desiredStatus: string;
  readonly group?: string;
  readonly startedBy?: string;
  readonly stoppedReason?: string;
  readonly enableExecuteCommand?: boolean;
  readonly containers: readonly ContainerRecord[];
  /** As it was started with. */
  readonly networkConfiguration?: NetworkConfiguration;
  readonly overrides?: { readonly containerOverrides?: readonly ContainerOverride[] };
  readonly [member: string]: unknown;
}

/** All services, and the tasks that the emulator takes for running. */
export interface Records {
  readonly services: readonly ServiceRecord[];
  readonly liveTasks: readonly { readonly taskArn: string; readonly clusterArn: string }[];
}

/** Reads all clusters of the account. @throws EmulatorCallFailed */
export async function readRecords(access: EmulatorAccess): Promise<Records> {
  const { clusterArns } = await callEcs<{ clusterArns: string[] }>(access, "ListClusters", {});
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
  return (await callEcs<{ tasks: TaskRecord[] }>(access, "DescribeTasks", { cluster, tasks })).tasks;
}

/**
 * Services come before tasks: a task that a deployment starts in between is put right by the next look, while
 * one that it ends would stay counted as the new deployment's.
 */
async function readCluster(access: EmulatorAccess, cluster: string): Promise<Records> {
  const { serviceArns } = await callEcs<{ serviceArns: string[] }>(access, "ListServices", { cluster });
  const services = await describeServices(access, cluster, serviceArns);
  const { taskArns } = await callEcs<{ taskArns: string[] }>(access, "ListTasks", { cluster });
  return { services, liveTasks: taskArns.map((taskArn) => ({ taskArn, clusterArn: cluster })) };
}

async function describeServices(
  access: EmulatorAccess,
  cluster: string,
  services: readonly string[],
): Promise<readonly ServiceRecord[]> {
  if (services.length === 0) return [];
  return (await callEcs<{ services: ServiceRecord[] }>(access, "DescribeServices", { cluster, services }))
    .services;
}
