import { evaluateMath, type SeriesByTime } from "./metric-math.ts";

export type AlarmState = "OK" | "ALARM" | "INSUFFICIENT_DATA";

/** One value of a metric, as it would be published. */
export interface Datum {
  readonly namespace: string;
  readonly name: string;
  /** Part of the dimensions' values, where several things have a metric of this name. @default - any dimensions */
  readonly of?: string;
  /** Seconds since the start of the recording. */
  readonly at: number;
  readonly value: number;
}

interface TemplateMetric {
  readonly Namespace: string;
  readonly MetricName: unknown;
  readonly Dimensions?: unknown;
  readonly Period?: number;
}
/** The properties of an `AWS::CloudWatch::Alarm` that decide its state. */
export interface TemplateAlarm {
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly TreatMissingData: string;
  readonly Namespace?: string;
  readonly MetricName?: unknown;
  readonly Statistic?: string;
  readonly ExtendedStatistic?: string;
  readonly Period?: number;
  readonly Metrics?: readonly {
    readonly Id: string;
    readonly Expression?: string;
    readonly MetricStat?: { readonly Metric: TemplateMetric; readonly Period: number; readonly Stat: string };
  }[];
}

const BREACHES: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
};

/**
 * The states that an alarm of a template goes through over a recording, by CloudWatch's documented rules: one look at
 * the end of each minute, at the last periods that have ended, M out of N datapoints, missing data as the alarm treats
 * it.
 *
 * @param minutes how long the recording is
 * @param morePeriods how many periods before those that it judges it takes data from. CloudWatch documents that there
 *   are some, and not how many. @default 2
 */
export function statesOver(
  alarm: TemplateAlarm,
  recording: readonly Datum[],
  minutes: number,
  morePeriods = 2,
): AlarmState[] {
  const states: AlarmState[] = [];
  let state: AlarmState = "INSUFFICIENT_DATA";
  for (let minute = 1; minute <= minutes; minute++) {
    state = judge(alarm, recording, minute * 60, morePeriods) ?? state;
    states.push(state);
  }
  return states;
}

function judge(
  alarm: TemplateAlarm,
  recording: readonly Datum[],
  now: number,
  morePeriods: number,
): AlarmState | undefined {
  const period = alarm.Period ?? alarm.Metrics?.find(({ MetricStat }) => MetricStat)?.MetricStat?.Period;
  if (!period) throw new Error("An alarm without a period.");
  const end = Math.floor(now / period) * period;
  const periods = alarm.EvaluationPeriods + morePeriods;
  const times = Array.from({ length: periods }, (_, back) => end - period * (back + 1));
  const lookedAt = times.slice(0, alarm.EvaluationPeriods);
  const known = recording.filter(({ at }) => at < end && at >= end - period * periods);
  const series = signalOf(alarm, known, period, times);

  const breaches = BREACHES[alarm.ComparisonOperator]!;
  const found = lookedAt.flatMap((time) => series.get(time) ?? []);
  const breaching = found.filter((value) => breaches(value, alarm.Threshold)).length;
  const missing = lookedAt.length - found.length;
  const treatment = alarm.TreatMissingData;
  const counted = breaching + (treatment === "breaching" ? missing : 0);
  if (counted >= alarm.DatapointsToAlarm) return "ALARM";
  if (treatment !== "ignore") return "OK";
  return found.length === 0 || breaching + missing >= alarm.DatapointsToAlarm ? undefined : "OK";
}

function signalOf(
  alarm: TemplateAlarm,
  recording: readonly Datum[],
  period: number,
  times: readonly number[],
): SeriesByTime {
  const series = (metric: TemplateMetric, statistic: string) =>
    aggregated(
      recording.filter(
        ({ namespace, name, of = "" }) =>
          namespace === metric.Namespace &&
          name === metric.MetricName &&
          JSON.stringify(metric.Dimensions ?? "").includes(of),
      ),
      period,
      statistic,
    );
  if (!alarm.Metrics)
    return series(alarm as TemplateMetric, (alarm.ExtendedStatistic ?? alarm.Statistic) as string);
  const inputs = alarm.Metrics.flatMap(({ Id, MetricStat }) =>
    MetricStat ? [[Id, series(MetricStat.Metric, MetricStat.Stat)] as const] : [],
  );
  const expression = alarm.Metrics.find(({ Expression }) => Expression)?.Expression ?? "";
  return evaluateMath(expression, { series: Object.fromEntries(inputs), periodSeconds: period, times });
}

function aggregated(data: readonly Datum[], period: number, statistic: string): SeriesByTime {
  const buckets = new Map<number, number[]>();
  for (const { at, value } of data) {
    const time = Math.floor(at / period) * period;
    buckets.set(time, [...(buckets.get(time) ?? []), value]);
  }
  return new Map(
    [...buckets].map(([time, bucket]) => [
      time,
      aggregate(
        bucket.sort((a, b) => a - b),
        statistic,
      ),
    ]),
  );
}

/** @param sorted rising values, at least one */
function aggregate(sorted: readonly number[], statistic: string): number {
  const sum = sorted.reduce((total, value) => total + value, 0);
  switch (statistic) {
    case "Sum":
      return sum;
    case "Average":
      return sum / sorted.length;
    case "Minimum":
      return sorted[0]!;
    case "Maximum":
      return sorted.at(-1)!;
    case "SampleCount":
      return sorted.length;
    case "p95":
      return sorted[Math.ceil(sorted.length * 0.95) - 1]!;
    default:
      throw new Error(`Statistic ${statistic} is not known here.`);
  }
}
