/**
 * The part of the CloudWatch Logs client that is used: a module of its own, which is loaded on demand, and
 * leaves the rest of the client out of the bundle.
 *
 * @module
 */
export {
  CloudWatchLogsClient,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
