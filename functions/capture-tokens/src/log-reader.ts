import type { CloudWatchLogsClientConfig } from "@aws-sdk/client-cloudwatch-logs";
import { quote } from "./quote.ts";
import type { LogReader } from "./tools.ts";

/** Characters of a line that are quoted. */
const MAX_LINE = 400;

/**
 * Reads CloudWatch Logs. The client is loaded at its first use: a capture by ECS Exec without failures never
 * needs it.
 */
export function createLogReader(config: CloudWatchLogsClientConfig = {}): LogReader {
  return {
    async lastLines(logGroup, streamEnd, limit, streamPrefix) {
      const { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } = await import(
        "./logs-client.ts"
      );
      const client = new CloudWatchLogsClient(config);
      const findStream = async () => {
        const newestFirst = { orderBy: "LastEventTime", descending: true } as const;
        const { logStreams } = await client.send(
          new DescribeLogStreamsCommand({ logGroupName: logGroup, ...newestFirst }),
        );
        return logStreams?.find(({ logStreamName }) => logStreamName?.endsWith(`/${streamEnd}`))
          ?.logStreamName;
      };
      try {
        const logStreamName = streamPrefix ? `${streamPrefix}/${streamEnd}` : await findStream();
        if (logStreamName === undefined) return [];
        const { events } = await client.send(
          new GetLogEventsCommand({ logGroupName: logGroup, logStreamName, limit, startFromHead: false }),
        );
        return (events ?? []).map(({ message }) => quote(message ?? "", MAX_LINE));
      } catch (error) {
        if (error instanceof Error && error.name === "ResourceNotFoundException") return [];
        throw error;
      } finally {
        client.destroy();
      }
    },
  };
}
