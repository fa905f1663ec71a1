import { DescribeTasksCommand, type ECSClient, type Task } from "@aws-sdk/client-ecs";
import { EncryptionFailed } from "../channel/index.ts";
import type { ContainerReference } from "./container.ts";

/**
 * The id of a container's exec agent in Session Manager: `ecs:<cluster>_<task id>_<runtime id>`.
 *
 * @returns `undefined` when ECS doesn't report the container's runtime id
 */
export function targetId(task: Task | undefined, cluster: string, container: string): string | undefined {
  const runtimeId = task?.containers?.find(({ name }) => name === container)?.runtimeId;
  if (!runtimeId || !task?.taskArn) return undefined;
  return `ecs:${lastPart(task.clusterArn ?? cluster)}_${lastPart(task.taskArn)}_${runtimeId}`;
}

/**
 * Asks ECS for {@link targetId}. It is part of the encryption context, so it must be exactly the agent's.
 *
 * @throws EncryptionFailed when ECS doesn't report the container's runtime id
 */
export async function findTargetId(
  ecs: ECSClient,
  { cluster, task, container }: ContainerReference,
  signal: AbortSignal,
): Promise<string> {
  const answer = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] }), {
    abortSignal: signal,
  });
  const found = answer.tasks?.[0];
  const target = targetId(found, cluster, container);
  if (target === undefined) throw new EncryptionFailed("ECS doesn't report the runtime id of the container");
  return target;
}

function lastPart(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}
