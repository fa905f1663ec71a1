import {
  DescribeTasksCommand,
  ListTasksCommand,
  type Service,
  type ServiceEvent,
  type Task,
} from "@aws-sdk/client-ecs";
import type { AwsClients } from "./aws-clients.ts";
import { during } from "./aws-error.ts";
import { describeStop, stopOf } from "./view/read-services.ts";

/** As many tasks as one call describes; ECS lists stopped ones of the last hour, in no particular order. */
const TASKS_A_CALL = 100;

/** Which tasks: those of a service, or those of a task definition's family that were started with a mark. */
export type TaskFilter =
  | { readonly serviceName: string }
  | { readonly family: string; readonly startedBy: string };

/**
 * Tasks that are to run, or those that have stopped in the last hour.
 *
 * @throws AwsCallError
 */
export async function findTasks(
  { ecs }: Pick<AwsClients, "ecs">,
  cluster: string,
  filter: TaskFilter,
  desiredStatus: "RUNNING" | "STOPPED",
): Promise<Task[]> {
  const [of] = Object.values(filter);
  // `startedBy` can't be a filter here: ECS doesn't combine it with any other, not even the status.
  const { startedBy, ...listed } = { startedBy: undefined, ...filter };
  const { taskArns = [] } = await during(
    `Listing the tasks of ${of}`,
    ecs.send(new ListTasksCommand({ cluster, ...listed, desiredStatus, maxResults: TASKS_A_CALL })),
  );
  if (taskArns.length === 0) return [];
  const { tasks = [] } = await during(
    `Looking up the tasks of ${of}`,
    ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns })),
  );
  return startedBy === undefined ? tasks : tasks.filter((task) => task.startedBy === startedBy);
}

/**
 * How the last task of a service ended: ECS's reason, and the exit codes of its containers.
 *
 * @param isWanted passes over some tasks, such as those of another deployment. @default - none
 * @returns `undefined` when none has ended lately
 * @throws AwsCallError
 */
export async function lastEnd(
  clients: Pick<AwsClients, "ecs">,
  cluster: string,
  service: string,
  isWanted: (task: Task) => boolean = () => true,
): Promise<string | undefined> {
  const tasks = await findTasks(clients, cluster, { serviceName: service }, "STOPPED");
  const [last] = tasks.filter(isWanted).sort((a, b) => Number(b.stoppedAt ?? 0) - Number(a.stoppedAt ?? 0));
  return last && describeStop(stopOf(last));
}

/** The events of a service, oldest first. */
export function eventsByTime({ events = [] }: Service): ServiceEvent[] {
  // ECS lists the newest first, and several of one moment.
  return [...events].reverse().sort((a, b) => Number(a.createdAt ?? 0) - Number(b.createdAt ?? 0));
}
