import { GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { METRIC_NAMESPACE, METRICS, type MetricName, STAGE_DIMENSION } from "@dbward-aws/contract";
import type { AwsClients } from "../aws-clients.ts";
import { during } from "../aws-error.ts";

/** The newest value of a metric that the poller publishes. */
export interface MetricView {
  readonly name: MetricName;
  readonly value: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** How far back the newest value of a metric may lie. */
const WINDOW_MS = 15 * 60_000;

/**
 * The newest values of the stage's metrics, without those that have none in the last 15 minutes.
 *
 * @throws AwsCallError
 */
export async function readMetrics(
  { cloudWatch }: Pick<AwsClients, "cloudWatch">,
  stage: string,
): Promise<MetricView[]> {
  const names = Object.keys(METRICS) as MetricName[];
  const now = Date.now();
  const { MetricDataResults = [] } = await during(
    "Reading the metrics",
    cloudWatch.send(
      new GetMetricDataCommand({
        StartTime: new Date(now - WINDOW_MS),
        // The minute that runs may have its datum already.
        EndTime: new Date(now + 60_000),
        ScanBy: "TimestampDescending",
        MetricDataQueries: names.map((name, index) => ({
          Id: `m${index}`,
          MetricStat: {
            Metric: {
              Namespace: METRIC_NAMESPACE,
              MetricName: name,
              Dimensions: [{ Name: STAGE_DIMENSION, Value: stage }],
            },
            Period: 60,
            Stat: METRICS[name].statistic,
          },
        })),
      }),
    ),
  );
  return names.flatMap((name, index): MetricView[] => {
    const { Timestamps = [], Values = [] } = MetricDataResults.find(({ Id }) => Id === `m${index}`) ?? {};
    const times = Timestamps.map((time) => time.getTime());
    // The newest by its time, whatever order the answer has.
    const value = Values[times.indexOf(Math.max(...times))];
    return value === undefined ? [] : [{ name, value, at: Math.max(...times) }];
  });
}
