import {
  DescribeTasksCommand,
  RunTaskCommand,
  type RunTaskCommandInput,
  type Task,
} from "@aws-sdk/client-ecs";
import { Deadline } from "@dbward-aws/core";
import { during } from "@dbward-aws/stage";
import type { CommandContext } from "./command.ts";

const ASK_EVERY_MS = 2_000;

/**
 * Starts one task on Fargate in the stage's cluster.
 *
 * @returns its ARN; `refused` with the reason of ECS when it starts none
 * @throws AwsCallError
 */
export async function startTask(
  { clients, names }: CommandContext,
  input: Omit<RunTaskCommandInput, "cluster" | "launchType">,
): Promise<{ readonly arn: string } | { readonly refused: string }> {
  const { tasks = [], failures = [] } = await during(
    "Starting a one-off task",
    clients.ecs.send(new RunTaskCommand({ ...input, cluster: names.cluster, launchType: "FARGATE" })),
  );
  const arn = tasks[0]?.taskArn;
  return arn ? { arn } : { refused: failures[0]?.reason ?? "no reason given" };
}

/**
 * Waits until a task has ended.
 *
 * @param within milliseconds
 * @returns the task; `undefined` when it has not ended in time
 * @throws AwsCallError; the reason of the context's signal
 */
export async function endedTask(
  { clients, names, signal }: CommandContext,
  arn: string,
  within: number,
): Promise<Task | undefined> {
  const ended = await Deadline.after(within, signal).until(async () => {
    const { tasks = [] } = await during(
      `Looking up task ${arn}`,
      clients.ecs.send(new DescribeTasksCommand({ cluster: names.cluster, tasks: [arn] })),
    );
    return tasks.find(({ lastStatus }) => lastStatus === "STOPPED");
  }, ASK_EVERY_MS);
  signal.throwIfAborted();
  return ended;
}
