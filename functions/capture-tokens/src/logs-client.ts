/**
 * What is used of CloudWatch Logs: loaded on demand as a module of its own, so that the bundle leaves out the rest of that client.
 *
 * @module
 */
export {
  CloudWatchLogsClient,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
