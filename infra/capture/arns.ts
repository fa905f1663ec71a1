import { ArnFormat, type Stack } from "aws-cdk-lib";
import type * as ecs from "aws-cdk-lib/aws-ecs";
import type * as logs from "aws-cdk-lib/aws-logs";

/** The tasks of a cluster. */
export function tasksOf(stack: Stack, { clusterName }: ecs.ICluster): string {
  return stack.formatArn({ service: "ecs", resource: "task", resourceName: `${clusterName}/*` });
}

/** The streams of a log group. */
export function streamsOf(stack: Stack, { logGroupName }: logs.ILogGroup): string {
  return stack.formatArn({
    service: "logs",
    resource: "log-group",
    resourceName: `${logGroupName}:log-stream:*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
}
