import { DescribeTasksCommand, ListTasksCommand, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { DbwardError, Deadline } from "@dbward-aws/core";
import { during } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";

const ASK_EVERY_MS = 2_000;
/** Milliseconds for the server's task to end: it drains for 20 s, and for as long as `server.stopTimeoutSeconds` allows. */
const STOP_WITHIN = 300_000;

/** Tasks that should have ended still run. */
class TasksNotStoppedError extends DbwardError {
  override readonly name = "TasksNotStoppedError";

  constructor(what: string, milliseconds: number) {
    super("tasks-not-stopped", `After ${milliseconds / 60_000} minutes ${what} has not ended.`, {
      hint: "See why in the ECS console, and run this command again: it continues.",
    });
  }
}

/**
 * Stops the server and waits until its task has ended, so that nothing writes to the file system.
 *
 * @throws TasksNotStoppedError, AwsCallError
 */
export async function stopServer(context: CommandContext): Promise<void> {
  await scaleServer(context, 0);
  await waitUntilStopped(
    context,
    { serviceName: context.names.serverService },
    STOP_WITHIN,
    "the server's task",
  );
}

/** Scales the server's service. */
export async function scaleServer({ clients, names }: CommandContext, desiredCount: 0 | 1): Promise<void> {
  await during(
    `Scaling service ${names.serverService} to ${desiredCount}`,
    clients.ecs.send(
      new UpdateServiceCommand({ cluster: names.cluster, service: names.serverService, desiredCount }),
    ),
  );
}

/**
 * Waits until tasks have ended, and not only begun to.
 *
 * @param within milliseconds
 * @param what the tasks, in words
 * @throws TasksNotStoppedError, AwsCallError
 */
export async function waitUntilStopped(
  context: CommandContext,
  filter: { readonly serviceName: string } | { readonly startedBy: string },
  within: number,
  what: string,
): Promise<void> {
  const { clients, names, signal } = context;
  const isStopped = async () => {
    const lists = await Promise.all(
      (["RUNNING", "STOPPED"] as const).map((desiredStatus) =>
        during(
          `Listing the tasks of cluster ${names.cluster}`,
          clients.ecs.send(new ListTasksCommand({ cluster: names.cluster, desiredStatus, ...filter })),
        ),
      ),
    );
    const tasks = lists.flatMap(({ taskArns = [] }) => taskArns);
    if (tasks.length === 0) return true;
    const described = await during(
      `Looking up the tasks of cluster ${names.cluster}`,
      clients.ecs.send(new DescribeTasksCommand({ cluster: names.cluster, tasks: tasks.slice(0, 100) })),
    );
    return (described.tasks ?? []).every(({ lastStatus }) => lastStatus === "STOPPED") || undefined;
  };
  if (await Deadline.after(within, signal).until(isStopped, ASK_EVERY_MS)) return;
  signal.throwIfAborted();
  throw new TasksNotStoppedError(what, within);
}
