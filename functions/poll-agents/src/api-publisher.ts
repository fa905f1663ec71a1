import { type CloudWatchClient, type MetricDatum, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { METRIC_NAMESPACE, STAGE_DIMENSION } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";
import { PublishError } from "./errors.ts";
import { unitOf } from "./measure.ts";
import type { Measurement } from "./measurement.ts";
import type { MetricPublisher } from "./publisher.ts";

/** Publishes with PutMetricData. One call takes 1000 data, more than there ever are. */
export class ApiPublisher implements MetricPublisher {
  readonly #cloudWatch: CloudWatchClient;
  readonly #stage: string;

  constructor(cloudWatch: CloudWatchClient, stage: string) {
    this.#cloudWatch = cloudWatch;
    this.#stage = stage;
  }

  async publish(measurements: readonly Measurement[], takenAt: Date, { signal }: Deadline): Promise<void> {
    const command = new PutMetricDataCommand({
      Namespace: METRIC_NAMESPACE,
      MetricData: measurements.map((measurement) => this.#datum(measurement, takenAt)),
    });
    try {
      await this.#cloudWatch.send(command, { abortSignal: signal });
    } catch (error) {
      throw new PublishError(measurements.length, error);
    }
  }

  #datum(measurement: Measurement, takenAt: Date): MetricDatum {
    const { metric, dimension, value } = measurement;
    const dimensions = [{ Name: STAGE_DIMENSION, Value: this.#stage }];
    if (dimension) dimensions.push({ Name: dimension.name, Value: dimension.value });
    return {
      MetricName: metric,
      Dimensions: dimensions,
      Timestamp: takenAt,
      Unit: unitOf(measurement),
      ...datumValue(value),
    };
  }
}

/** Percents have 101 different values at most, and a datum takes 150. */
function datumValue(value: Measurement["value"]): Partial<MetricDatum> {
  if (typeof value === "number") return { Value: value };
  if (value.histogram) return { Values: [...value.histogram.keys()], Counts: [...value.histogram.values()] };
  const { minimum, maximum, sum, count } = value;
  return { StatisticValues: { Minimum: minimum, Maximum: maximum, Sum: sum, SampleCount: count } };
}
