import { METRIC_NAMESPACE, STAGE_DIMENSION } from "@dbward-aws/contract";
import { PublishError } from "./errors.ts";
import { type Measurement, unitOf } from "./measurement.ts";
import type { MetricPublisher } from "./publisher.ts";

/**
 * Publishes through the function's log in embedded metric format, for a VPC without an endpoint for
 * CloudWatch. It writes one line for each set of dimensions, and distributions in the same form as the AWS
 * exporter of OpenTelemetry.
 */
export class EmfPublisher implements MetricPublisher {
  readonly #stage: string;
  readonly #write: (line: string) => Promise<void>;

  /** @param write called with each line, without its line end. @default - writes to standard output */
  constructor(stage: string, write: (line: string) => Promise<void> = writeLine) {
    this.#stage = stage;
    this.#write = write;
  }

  async publish(measurements: readonly Measurement[], takenAt: Date): Promise<void> {
    try {
      for (const group of byDimension(measurements))
        await this.#write(JSON.stringify(this.#line(group, takenAt)));
    } catch (error) {
      throw new PublishError(measurements.length, measurements.length, error);
    }
  }

  /** @param group measurements with the same dimensions */
  #line(group: readonly Measurement[], takenAt: Date): object {
    const dimension = group[0]?.dimension;
    const metrics = group.map((measurement) => ({ Name: measurement.metric, Unit: unitOf(measurement) }));
    return {
      _aws: {
        Timestamp: takenAt.getTime(),
        CloudWatchMetrics: [
          {
            Namespace: METRIC_NAMESPACE,
            Dimensions: [[STAGE_DIMENSION, ...(dimension ? [dimension.name] : [])]],
            Metrics: metrics,
          },
        ],
      },
      [STAGE_DIMENSION]: this.#stage,
      ...(dimension ? { [dimension.name]: dimension.value } : {}),
      ...Object.fromEntries(group.map(({ metric, value }) => [metric, emfValue(value)])),
    };
  }
}

/** The measurements, grouped by their dimensions. */
function byDimension(measurements: readonly Measurement[]): Iterable<Measurement[]> {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const key = measurement.dimension ? `${measurement.dimension.name}=${measurement.dimension.value}` : "";
    const group = groups.get(key);
    if (group) group.push(measurement);
    else groups.set(key, [measurement]);
  }
  return groups.values();
}

function emfValue(value: Measurement["value"]): unknown {
  if (typeof value === "number") return value;
  const { minimum, maximum, sum, count, histogram } = value;
  const set = { Min: minimum, Max: maximum, Sum: sum, Count: count };
  return histogram && histogram.size <= MAX_VALUES
    ? { Values: [...histogram.keys()], Counts: [...histogram.values()], ...set }
    : set;
}

/** Most different values that a metric of a line may have; with more, only the statistic set is written. */
const MAX_VALUES = 100;

function writeLine(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
  });
}
