import {
  METRICS,
  type MetricName,
  type MetricUnit,
  TOKEN_METRICS,
  type TokenMetricName,
} from "@dbward-aws/contract";

/** One value of one metric at one time. */
export interface Measurement {
  readonly metric: MetricName | TokenMetricName;
  /** A dimension beside the stage. @default - none */
  readonly dimension?: { readonly name: string; readonly value: string };
  readonly value: number | Distribution;
}

/** Many values as one: a statistic set of CloudWatch, with the values themselves where few of them differ. */
export interface Distribution {
  readonly minimum: number;
  readonly maximum: number;
  readonly sum: number;
  readonly count: number;
  /** How often each value occurs, so that CloudWatch can compute percentiles. */
  readonly histogram?: ReadonlyMap<number, number>;
}

/** The statistic set of one or more values. */
export function statisticSet(values: readonly number[]): Distribution {
  let [minimum, maximum, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of values) {
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
    sum += value;
  }
  return { minimum, maximum, sum, count: values.length };
}

/** One or more values, rounded to whole numbers, with their histogram. */
export function histogram(values: readonly number[]): Distribution {
  const rounded = values.map(Math.round);
  const counts = new Map<number, number>();
  for (const value of rounded) counts.set(value, (counts.get(value) ?? 0) + 1);
  return { ...statisticSet(rounded), histogram: counts };
}

/** Unit of a measurement, from the tables of all metrics. */
export function unitOf({ metric }: Measurement): MetricUnit {
  return { ...METRICS, ...TOKEN_METRICS }[metric].unit;
}
