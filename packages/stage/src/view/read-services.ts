import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  type ListTasksCommandInput,
  paginateListTasks,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import type { AwsClients } from "../aws-clients.ts";
import { during, ifThere } from "../aws-error.ts";
import type { DeployedNames, NamedService } from "../deployed-names.ts";
import { foreignText, millis } from "./part.ts";

type EcsClients = Pick<AwsClients, "ecs">;

/** An ECS service of a stage. */
export interface ServiceView extends NamedService {
  /** `stable`, `deploying`, `failed` when its last deployment failed, or `missing` when it doesn't exist. */
  readonly state: "stable" | "deploying" | "failed" | "missing";
  /** Why the last deployment failed, by ECS; or empty. */
  readonly reason: string;
  readonly desired: number;
  readonly running: number;
  /** ARN of the task definition; empty when the service doesn't exist. */
  readonly taskDefinition: string;
  /** The newest message of the service that reports a problem, or empty. */
  readonly event: string;
  /** Where its tasks run. */
  readonly network: {
    readonly subnets: readonly string[];
    readonly securityGroups: readonly string[];
    readonly hasPublicAddress: boolean;
  };
}

/** How a task ended. */
export interface TaskStop {
  /** ECS's reason. */
  readonly reason: string;
  /** ECS's code, such as `TaskFailedToStart` or `EssentialContainerExited`. */
  readonly code: string;
  readonly containers: readonly {
    readonly name: string;
    readonly reason: string;
    readonly exitCode?: number;
  }[];
}

/** A task of a stage that runs, or has stopped in the last hour. */
export interface TaskView {
  readonly id: string;
  readonly service: string;
  /** Family and revision of the task definition. */
  readonly definition: string;
  readonly status: string;
  readonly health: string;
  /** When it stopped, or else started, in milliseconds since the epoch. */
  readonly since: number;
  readonly stop?: TaskStop;
  /** Status of the exec agent by container; none when ECS Exec is off for the task. */
  readonly execAgents: readonly {
    readonly container: string;
    readonly status: string;
    readonly reason: string;
  }[];
}

/** `DescribeServices` takes this many names. */
const SERVICES_A_CALL = 10;
/** `DescribeTasks` takes this many tasks. */
const TASKS_A_CALL = 100;
/** More tasks of a cluster than this are not looked at. */
const MAX_TASKS = 1_000;

/**
 * The stage's services as ECS has them.
 *
 * @throws AwsCallError
 */
export async function readServices(
  clients: EcsClients,
  cluster: string,
  named: readonly NamedService[],
): Promise<ServiceView[]> {
  const found = await describeServices(
    clients,
    cluster,
    named.map(({ service }) => service),
  );
  return named.map((each) => serviceView(each, found.get(each.service)));
}

/** The services of a cluster that exist, by name. */
export async function describeServices(
  { ecs }: EcsClients,
  cluster: string,
  services: readonly string[],
): Promise<Map<string, Service>> {
  const found = new Map<string, Service>();
  for (let at = 0; at < services.length; at += SERVICES_A_CALL) {
    const answer = await ifThere(
      "Looking up the services",
      ecs.send(new DescribeServicesCommand({ cluster, services: services.slice(at, at + SERVICES_A_CALL) })),
      "ClusterNotFoundException",
    );
    for (const service of answer?.services ?? [])
      if (service.status !== "INACTIVE") found.set(service.serviceName!, service);
  }
  return found;
}

const ABSENT = {
  state: "missing",
  reason: "",
  desired: 0,
  running: 0,
  taskDefinition: "",
  event: "",
  network: { subnets: [], securityGroups: [], hasPublicAddress: false },
} as const;

function serviceView(named: NamedService, service: Service | undefined): ServiceView {
  if (!service) return { ...named, ...ABSENT };
  const { desiredCount = 0, runningCount = 0, deployments = [], taskDefinition = "", events = [] } = service;
  const {
    subnets = [],
    securityGroups = [],
    assignPublicIp,
  } = service.networkConfiguration?.awsvpcConfiguration ?? {};
  const primary = deployments.find(({ status }) => status === "PRIMARY");
  const failed = primary?.rolloutState === "FAILED";
  const deploying = primary?.rolloutState === "IN_PROGRESS" && deployments.length > 1;
  return {
    ...named,
    state: failed ? "failed" : deploying ? "deploying" : "stable",
    reason: failed ? foreignText(primary.rolloutStateReason) : "",
    desired: desiredCount,
    running: runningCount,
    taskDefinition,
    event: foreignText(newestProblem(events)),
    network: { subnets, securityGroups, hasPublicAddress: assignPublicIp === "ENABLED" },
  };
}

/** Messages with which a service reports that it can't do what it should. Others only report steps. */
const PROBLEM_EVENT = /unable|failed|unhealthy|could not|reached the limit|rollback|rolling back/i;
/** Events older than this report a former problem. */
const EVENT_MS = 60 * 60_000;

function newestProblem(events: NonNullable<Service["events"]>): string | undefined {
  // ECS lists the newest first, and several of one moment.
  const [newest] = [...events]
    .filter(({ message = "" }) => PROBLEM_EVENT.test(message))
    .sort((a, b) => millis(b.createdAt) - millis(a.createdAt));
  return newest && Date.now() - millis(newest.createdAt) < EVENT_MS ? newest.message : undefined;
}

/**
 * The tasks of the stage's services that run, and those that stopped in the last hour, newest first for each
 * service.
 *
 * @throws AwsCallError
 */
export async function readTasks(
  clients: EcsClients,
  { cluster, services, sharesCluster }: Pick<DeployedNames, "cluster" | "services" | "sharesCluster">,
): Promise<TaskView[]> {
  // In a cluster of its own, one list has them all; in a shared one, tasks of others could fill it.
  const names = sharesCluster ? services.map(({ service }) => service) : [undefined];
  const lists = await Promise.all(
    names.flatMap((serviceName) =>
      (["RUNNING", "STOPPED"] as const).map((desiredStatus) =>
        listTasks(clients, { cluster, desiredStatus, ...(serviceName && { serviceName }) }),
      ),
    ),
  );
  const arns = lists.flat().slice(0, MAX_TASKS);
  const tasks: Task[] = [];
  for (let at = 0; at < arns.length; at += TASKS_A_CALL) {
    const answer = await during(
      "Looking up the tasks",
      clients.ecs.send(new DescribeTasksCommand({ cluster, tasks: arns.slice(at, at + TASKS_A_CALL) })),
    );
    tasks.push(...(answer.tasks ?? []));
  }
  const own = new Set(services.map(({ service }) => `service:${service}`));
  return tasks
    .filter(({ group = "" }) => own.has(group))
    .map(taskView)
    .sort((a, b) => a.service.localeCompare(b.service) || b.since - a.since);
}

async function listTasks({ ecs }: EcsClients, filter: ListTasksCommandInput): Promise<string[]> {
  const list = async () => {
    const arns: string[] = [];
    for await (const { taskArns = [] } of paginateListTasks({ client: ecs }, filter)) {
      arns.push(...taskArns);
      if (arns.length >= MAX_TASKS) break;
    }
    return arns;
  };
  return (
    (await ifThere("Listing the tasks", list(), "ClusterNotFoundException", "ServiceNotFoundException")) ?? []
  );
}

function taskView(task: Task): TaskView {
  const { containers = [], stoppedReason } = task;
  return {
    id: lastPart(task.taskArn),
    service: (task.group ?? "").replace(/^service:/, ""),
    definition: lastPart(task.taskDefinitionArn),
    status: task.lastStatus ?? "",
    health: task.healthStatus ?? "UNKNOWN",
    since: millis(task.stoppedAt ?? task.startedAt ?? task.createdAt),
    ...(stoppedReason === undefined ? {} : { stop: stopOf(task) }),
    execAgents: containers.flatMap(({ name = "", managedAgents = [] }) =>
      managedAgents
        .filter((agent) => agent.name === "ExecuteCommandAgent")
        .map(({ lastStatus = "", reason }) => ({
          container: name,
          status: lastStatus,
          reason: foreignText(reason),
        })),
    ),
  };
}

/** How a stopped task ended. */
export function stopOf({ stoppedReason = "no reason", stopCode, containers = [] }: Task): TaskStop {
  return {
    reason: foreignText(stoppedReason),
    code: stopCode ?? "",
    containers: containers.map(({ name = "", reason, exitCode }) => ({
      name,
      reason: foreignText(reason),
      ...(exitCode === undefined ? {} : { exitCode }),
    })),
  };
}

/** How a task ended, in one line: ECS's reason, and what its containers ended with. */
export function describeStop({ reason, containers }: TaskStop): string {
  const ends = containers.flatMap(({ name, reason: why, exitCode }) => {
    const parts = [why, exitCode === undefined ? "" : `exit code ${exitCode}`].filter(Boolean);
    return parts.length > 0 ? [`container ${name}: ${parts.join(", ")}`] : [];
  });
  return [reason, ...ends].join("; ");
}

function lastPart(arn = ""): string {
  return arn.split("/").at(-1)!;
}
