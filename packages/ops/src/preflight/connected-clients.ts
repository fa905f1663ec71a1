import { GetMetricStatisticsCommand } from "@aws-sdk/client-cloudwatch";
import { type AwsClients, during } from "@dbward-aws/stage";

/** Minutes in which a client counts as connected: EFS reports once a minute, some minutes late. */
export const CONNECTED_MINUTES = 5;

/**
 * The clients that had a file system mounted at the last report of EFS.
 *
 * @returns `undefined` when there were none
 */
export async function connectedClients(
  id: string,
  { cloudWatch }: Pick<AwsClients, "cloudWatch">,
): Promise<{ readonly count: number; readonly at: Date | undefined } | undefined> {
  const now = Date.now();
  const { Datapoints = [] } = await during(
    `Reading the connections of file system ${id}`,
    cloudWatch.send(
      new GetMetricStatisticsCommand({
        Namespace: "AWS/EFS",
        MetricName: "ClientConnections",
        Dimensions: [{ Name: "FileSystemId", Value: id }],
        StartTime: new Date(now - CONNECTED_MINUTES * 60_000),
        EndTime: new Date(now),
        Period: 60,
        Statistics: ["Sum"],
      }),
    ),
  );
  const newest = Datapoints.sort((a, b) => Number(b.Timestamp) - Number(a.Timestamp))[0];
  return newest?.Sum ? { count: newest.Sum, at: newest.Timestamp } : undefined;
}
