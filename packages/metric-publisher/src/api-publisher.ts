import {
  type CloudWatchClient,
  CloudWatchServiceException,
  type MetricDatum,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import { METRIC_NAMESPACE, STAGE_DIMENSION } from "@dbward-aws/contract";
import type { Deadline } from "@dbward-aws/core";
import { PublishError } from "./errors.ts";
import { type Measurement, unitOf } from "./measurement.ts";
import type { MetricPublisher } from "./publisher.ts";

/**
 * Publishes by PutMetricData. One call accepts 1000 data, more than there ever are. CloudWatch rejects a
 * whole call because of one invalid datum: the call is then split in halves until all others are published.
 */
export class ApiPublisher implements MetricPublisher {
  readonly #cloudWatch: CloudWatchClient;
  readonly #stage: string;

  constructor(cloudWatch: CloudWatchClient, stage: string) {
    this.#cloudWatch = cloudWatch;
    this.#stage = stage;
  }

  async publish(measurements: readonly Measurement[], takenAt: Date, { signal }: Deadline): Promise<void> {
    const refused: unknown[] = [];
    await this.#put(
      measurements.map((measurement) => this.#datum(measurement, takenAt)),
      signal,
      refused,
    );
    if (refused.length > 0) throw new PublishError(refused.length, measurements.length, refused[0]);
  }

  /** @param refused the error of each datum that CloudWatch rejects is added to it */
  async #put(data: readonly MetricDatum[], signal: AbortSignal, refused: unknown[]): Promise<void> {
    try {
      await this.#cloudWatch.send(
        new PutMetricDataCommand({ Namespace: METRIC_NAMESPACE, MetricData: [...data] }),
        { abortSignal: signal },
      );
    } catch (error) {
      if (!isRefusedDatum(error)) throw new PublishError(data.length, data.length, error);
      if (data.length === 1) {
        refused.push(error);
        return;
      }
      const middle = data.length >> 1;
      await this.#put(data.slice(0, middle), signal, refused);
      await this.#put(data.slice(middle), signal, refused);
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

function isRefusedDatum(error: unknown): boolean {
  return error instanceof CloudWatchServiceException && /^(Invalid|Missing)/.test(error.name);
}

/** A datum accepts 150 different values; percentages have at most 101. */
function datumValue(value: Measurement["value"]): Partial<MetricDatum> {
  if (typeof value === "number") return { Value: value };
  if (value.histogram) return { Values: [...value.histogram.keys()], Counts: [...value.histogram.values()] };
  const { minimum, maximum, sum, count } = value;
  return { StatisticValues: { Minimum: minimum, Maximum: maximum, Sum: sum, SampleCount: count } };
}
