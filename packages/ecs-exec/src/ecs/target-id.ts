import { DescribeTasksCommand, type ECSClient } from "@aws-sdk/client-ecs";
import { EncryptionFailed } from "../channel/index.ts";
import type { ContainerReference } from "./container.ts";

/**
 * The name under which the container's exec agent knows itself: `ecs:<cluster>_<task id>_<runtime id>`. It is part of
 * the encryption context, so it must be exactly the agent's.
 *
 * @throws EncryptionFailed when ECS doesn't tell the container's runtime id
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
  const runtimeId = found?.containers?.find(({ name }) => name === container)?.runtimeId;
  if (!runtimeId) throw new EncryptionFailed("ECS doesn't tell the runtime id of the container");
  return `ecs:${lastPart(found?.clusterArn ?? cluster)}_${lastPart(found?.taskArn ?? task)}_${runtimeId}`;
}

function lastPart(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}
