import { DescribeTasksCommand, type ECSClient, paginateListTasks } from "@aws-sdk/client-ecs";
import { stageNames } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";

/**
 * Waits until every task of the stage passes its health check. CloudFormation on AWS waits for that by itself; the
 * emulated one is done when the records are written.
 *
 * @returns false when the deadline passed first
 */
export async function healthyTasks(ecs: ECSClient, stage: string, deadline: Deadline): Promise<boolean> {
  const { cluster } = stageNames(stage);
  const healthy = await deadline.until(async () => {
    const arns: string[] = [];
    for await (const page of paginateListTasks({ client: ecs }, { cluster }))
      arns.push(...(page.taskArns ?? []));
    if (arns.length === 0) return undefined;
    const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: arns }));
    return tasks.every(({ healthStatus }) => healthStatus === "HEALTHY") || undefined;
  }, POLL_MS);
  return healthy === true;
}

const POLL_MS = 200;
