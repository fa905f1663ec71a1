import type { MetricName } from "@dbward-aws/contract";

/** One value of one metric at the time of the snapshot. */
export interface Measurement {
  readonly metric: MetricName;
  /** Beside the stage. @default - none */
  readonly dimension?: { readonly name: string; readonly value: string };
  readonly value: number | Distribution;
}

/** Many values as one: what CloudWatch calls a statistic set, with the values themselves where there are few different ones. */
export interface Distribution {
  readonly minimum: number;
  readonly maximum: number;
  readonly sum: number;
  readonly count: number;
  /** How often each value occurred; lets CloudWatch compute percentiles. */
  readonly histogram?: ReadonlyMap<number, number>;
}

/** The statistic set of `values`, of which there is at least one. */
export function statisticSet(values: readonly number[]): Distribution {
  let [minimum, maximum, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of values) {
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
    sum += value;
  }
  return { minimum, maximum, sum, count: values.length };
}

/** `values`, of which there is at least one, rounded to whole numbers, with their histogram. */
export function histogram(values: readonly number[]): Distribution {
  const rounded = values.map(Math.round);
  const counts = new Map<number, number>();
  for (const value of rounded) counts.set(value, (counts.get(value) ?? 0) + 1);
  return { ...statisticSet(rounded), histogram: counts };
}
