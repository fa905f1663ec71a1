import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  type Service,
  type ServiceEvent,
  type Task,
} from "@aws-sdk/client-ecs";
import type { StageNames } from "@dbward-aws/contract";
import { redact } from "@dbward-aws/core";
import type { AwsClients } from "../aws-clients.ts";
import { during, ifThere } from "../aws-error.ts";
import type { CommandContext } from "../command.ts";
import { type NamedService, servicesOf } from "../services.ts";
import type { StatusLine } from "./stage-status.ts";

/** What it takes to ask ECS about a stage. */
export interface StageEcs {
  readonly clients: Pick<AwsClients, "ecs">;
  readonly names: StageNames;
}

/** Server and agents; one that doesn't run as it should says why, as far as ECS knows. */
export async function serviceLines(context: CommandContext): Promise<StatusLine[]> {
  const named = servicesOf(context.settings, context.names);
  const found = await describeServices(
    context,
    named.map(({ service }) => service),
  );
  return Promise.all(named.map((each) => serviceLine(context, each, found.get(each.service))));
}

/** `DescribeServices` takes this many names. */
const NAMES_A_CALL = 10;

/** The services that are there, by name. */
export async function describeServices(
  { clients, names }: CommandContext,
  services: readonly string[],
): Promise<Map<string, Service>> {
  const found = new Map<string, Service>();
  for (let at = 0; at < services.length; at += NAMES_A_CALL) {
    const answer = await ifThere(
      "Looking up the services",
      clients.ecs.send(
        new DescribeServicesCommand({
          cluster: names.cluster,
          services: services.slice(at, at + NAMES_A_CALL),
        }),
      ),
      "ClusterNotFoundException",
    );
    for (const service of answer?.services ?? [])
      if (service.status !== "INACTIVE") found.set(service.serviceName!, service);
  }
  return found;
}

async function serviceLine(
  context: CommandContext,
  { word, service: name, logGroup, tasks }: NamedService,
  service: Service | undefined,
): Promise<StatusLine> {
  const link = context.links.service(context.names.cluster, name);
  if (!service)
    return { name: word, state: "missing", problem: { message: `Service ${name} isn't there`, link } };
  const { runningCount = 0, desiredCount = 0 } = service;
  const deployment = service.deployments?.find(({ status }) => status === "PRIMARY");
  const rolling = deployment?.rolloutState === "IN_PROGRESS" && (service.deployments?.length ?? 0) > 1;
  const state = `${runningCount} of ${desiredCount} running${rolling ? ", deploying" : ""}`;
  if (deployment?.rolloutState === "FAILED")
    return {
      name: word,
      state,
      problem: {
        message: `The last deployment of ${name} failed: ${deployment.rolloutStateReason ?? "no reason given"}`,
        link,
      },
    };
  if (desiredCount < tasks)
    return {
      name: word,
      state,
      problem: {
        message:
          `${name} was scaled to ${desiredCount}; the settings want ${tasks}. Run: aws ecs update-service ` +
          `--cluster ${context.names.cluster} --service ${name} --desired-count ${tasks}`,
        link,
      },
    };
  if (runningCount >= desiredCount || rolling) return { name: word, state };
  const reason = await whyNot(context, name, service);
  return {
    name: word,
    state,
    problem: { message: `${name}: ${state}${reason}. Its log: ${context.links.logGroup(logGroup)}`, link },
  };
}

/** Why a service doesn't have its tasks: how the last one ended, or else what the service itself last said. */
async function whyNot(context: CommandContext, name: string, service: Service): Promise<string> {
  const end = await lastEnd(context, name);
  if (end) return `; the last task stopped: ${end}`;
  const event = eventsByTime(service).at(-1)?.message;
  return event ? `; ECS says: ${redact(event)}` : "";
}

/** As many tasks as one call describes; ECS lists stopped ones of the last hour, in no particular order. */
const TASKS_A_CALL = 100;

/**
 * How the last task of a service ended: ECS's reason, and the exit codes of its containers.
 *
 * @param isWanted passes over some tasks, such as those of another deployment. @default - none
 * @returns `undefined` when none has ended lately
 */
export async function lastEnd(
  context: StageEcs,
  service: string,
  isWanted: (task: Task) => boolean = () => true,
): Promise<string | undefined> {
  const tasks = await findTasks(context, service, "STOPPED");
  const [last] = tasks.filter(isWanted).sort((a, b) => timeOf(b) - timeOf(a));
  return last && redact(endOf(last));
}

/** Tasks of a service that are to run, or those that have stopped in the last hour. */
export async function findTasks(
  { clients, names }: StageEcs,
  serviceName: string,
  desiredStatus: "RUNNING" | "STOPPED",
): Promise<Task[]> {
  const { cluster } = names;
  const { taskArns = [] } = await during(
    `Listing the tasks of ${serviceName}`,
    clients.ecs.send(new ListTasksCommand({ cluster, serviceName, desiredStatus, maxResults: TASKS_A_CALL })),
  );
  if (taskArns.length === 0) return [];
  const { tasks = [] } = await during(
    `Looking up the tasks of ${serviceName}`,
    clients.ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns })),
  );
  return tasks;
}

/** What a service says of itself, oldest first. */
export function eventsByTime({ events = [] }: Service): ServiceEvent[] {
  // ECS lists the newest first, and several of one moment.
  return [...events].reverse().sort((a, b) => Number(a.createdAt ?? 0) - Number(b.createdAt ?? 0));
}

function timeOf({ stoppedAt }: Task): number {
  return stoppedAt?.getTime() ?? 0;
}

function endOf({ stoppedReason = "no reason given", containers = [] }: Task): string {
  const exits = containers.flatMap(({ name, exitCode, reason }) => {
    const told = [reason, exitCode === undefined ? undefined : `exit code ${exitCode}`].filter(Boolean);
    return told.length > 0 ? [`container ${name}: ${told.join(", ")}`] : [];
  });
  return [stoppedReason, ...exits].join("; ");
}
