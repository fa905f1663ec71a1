import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  type Service,
  type Task,
} from "@aws-sdk/client-ecs";
import { redact } from "@dbward-aws/core";
import { during, ifThere } from "../aws-error.ts";
import type { CommandContext } from "../command.ts";
import { type NamedService, servicesOf } from "../services.ts";
import type { StatusLine } from "./stage-status.ts";

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
async function whyNot({ clients, names }: CommandContext, name: string, service: Service): Promise<string> {
  const { taskArns = [] } = await during(
    `Listing the stopped tasks of ${name}`,
    clients.ecs.send(
      new ListTasksCommand({
        cluster: names.cluster,
        serviceName: name,
        desiredStatus: "STOPPED",
        maxResults: 10,
      }),
    ),
  );
  const { tasks = [] } =
    taskArns.length === 0
      ? {}
      : await during(
          `Looking up the stopped tasks of ${name}`,
          clients.ecs.send(new DescribeTasksCommand({ cluster: names.cluster, tasks: taskArns })),
        );
  const last = tasks.sort((a, b) => timeOf(b) - timeOf(a))[0];
  if (last) return `; the last task stopped: ${redact(endOf(last))}`;
  const event = service.events?.[0]?.message;
  return event ? `; ECS says: ${redact(event)}` : "";
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
