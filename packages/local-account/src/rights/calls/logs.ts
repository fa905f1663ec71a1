import { arnOf, type NeedsOf, text } from "./call.ts";

const ON_A_STREAM: ReadonlySet<string> = new Set([
  "CreateLogStream",
  "DeleteLogStream",
  "GetLogEvents",
  "PutLogEvents",
]);
const ON_A_GROUP: ReadonlySet<string> = new Set([
  "CreateLogGroup",
  "DescribeLogStreams",
  "FilterLogEvents",
  "PutRetentionPolicy",
]);

/**
 * A group's own ARN ends with `:*` in policies, which also stands for what follows a group in the ARN that is
 * asked for.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
 */
export const logsNeeds: NeedsOf = async (call) => {
  const operation = call.operation ?? "";
  const action = `logs:${operation}`;
  if (operation === "DescribeLogGroups") return [{ action, resource: "*" }];
  const stream = ON_A_STREAM.has(operation) ? (text(call, "logStreamName") ?? "") : "";
  if (stream === "" && !ON_A_GROUP.has(operation)) return undefined;
  const named = text(call, "logGroupName") ?? text(call, "logGroupIdentifier") ?? "";
  const group = named.replace(/^arn:.*?:log-group:/, "").replace(/:\*$/, "");
  return [{ action, resource: arnOf(call.place, "logs", `log-group:${group}:log-stream:${stream}`) }];
};
