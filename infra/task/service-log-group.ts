import { RemovalPolicy } from "aws-cdk-lib";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";

/**
 * The log group of an ECS service. It goes with its stack: what has to be kept is in the server's audit log, on
 * the file system.
 *
 * @param days one of the periods that CloudWatch Logs knows
 */
export function serviceLogGroup(scope: Construct, logGroupName: string, days: number): logs.LogGroup {
  return new logs.LogGroup(scope, "LogGroup", {
    logGroupName,
    retention: days,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
