import {
  type CloudWatchClient,
  GetDashboardCommand,
  GetMetricDataCommand,
  type MetricDataQuery,
} from "@aws-sdk/client-cloudwatch";
import { type BodyWidget, type MetricLine, metricLines, parseDashboardBody } from "./dashboard-body.ts";

/** One line of a chart: `values[i]` was measured in the period that begins at `times[i]` of its widget. */
export interface Series {
  readonly label: string;
  readonly metric: string;
  readonly color?: string;
  readonly axis: "left" | "right";
  readonly values: readonly (number | null)[];
}

export interface Axis {
  readonly label?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
}

/** A widget, with its data. */
export type Widget =
  | (Place & {
      readonly kind: "metric";
      readonly stacked: boolean;
      readonly left: Axis;
      readonly right: Axis;
      /** Lines across the chart. */
      readonly marks: readonly { readonly value: number; readonly label: string }[];
      /** Seconds since the epoch, rising. */
      readonly times: readonly number[];
      readonly series: readonly Series[];
    })
  | (Place & { readonly kind: "alarm"; readonly alarms: readonly string[] })
  | (Place & { readonly kind: "text"; readonly markdown: string })
  | (Place & { readonly kind: "log"; readonly query: string });

/** A dashboard as it is drawn. */
export interface Dashboard {
  readonly name: string;
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly widgets: readonly Widget[];
}

/** GetMetricData takes so many queries at a time. */
const QUERIES_A_CALL = 500;
/** More points than this tell nothing on a screen. */
const MAX_POINTS = 360;

/**
 * Reads a stage's dashboard from CloudWatch: its body, and the data of all its metrics.
 *
 * @param rangeSeconds how far back
 */
export async function readDashboard(
  cloudWatch: CloudWatchClient,
  name: string,
  rangeSeconds: number,
): Promise<Dashboard> {
  const { DashboardBody } = await cloudWatch.send(new GetDashboardCommand({ DashboardName: name }));
  const widgets = parseDashboardBody(DashboardBody ?? "{}");
  // The end is the next minute: the one that runs may have its datum already.
  const to = (Math.floor(Date.now() / 60_000) + 1) * 60;
  const from = to - rangeSeconds;
  const lines = widgets.map((widget) => (widget.type === "metric" ? metricLines(widget) : []));
  const data = await metricData(cloudWatch, lines.flat(), from, to);
  let at = 0;
  return {
    name,
    from,
    to,
    widgets: widgets.flatMap((widget, index) => {
      const own = data.slice(at, at + lines[index]!.length);
      at += own.length;
      return drawn(widget, lines[index]!, own);
    }),
  };
}

type Points = ReadonlyMap<number, number>;

async function metricData(
  cloudWatch: CloudWatchClient,
  lines: readonly MetricLine[],
  from: number,
  to: number,
): Promise<Points[]> {
  const coarsest = Math.ceil((to - from) / MAX_POINTS / 60) * 60;
  const queries = lines.map(
    (line, index): MetricDataQuery => ({
      Id: `m${index}`,
      MetricStat: {
        Metric: {
          Namespace: line.namespace,
          MetricName: line.name,
          Dimensions: Object.entries(line.dimensions).map(([Name, Value]) => ({ Name, Value })),
        },
        Period: Math.max(line.period, coarsest),
        Stat: line.statistic,
      },
    }),
  );
  const points = lines.map(() => new Map<number, number>());
  for (let start = 0; start < queries.length; start += QUERIES_A_CALL) {
    let NextToken: string | undefined;
    do {
      const answer = await cloudWatch.send(
        new GetMetricDataCommand({
          MetricDataQueries: queries.slice(start, start + QUERIES_A_CALL),
          StartTime: new Date(from * 1000),
          EndTime: new Date(to * 1000),
          ScanBy: "TimestampAscending",
          NextToken,
        }),
      );
      for (const { Id, Timestamps = [], Values = [] } of answer.MetricDataResults ?? []) {
        const own = points[Number(Id?.slice(1))];
        for (const [index, time] of Timestamps.entries())
          own?.set(Math.floor(time.getTime() / 1000), Values[index]!);
      }
      NextToken = answer.NextToken;
    } while (NextToken);
  }
  return points;
}

function drawn(widget: BodyWidget, lines: readonly MetricLine[], data: readonly Points[]): Widget[] {
  const { x, y, width, height, properties } = widget;
  const place = { x, y, width, height, title: properties.title ?? "" };
  switch (widget.type) {
    case "metric": {
      const times = [...new Set(data.flatMap((points) => [...points.keys()]))].sort((a, b) => a - b);
      return [
        {
          ...place,
          kind: "metric",
          stacked: properties.stacked ?? false,
          left: properties.yAxis?.left ?? {},
          right: properties.yAxis?.right ?? {},
          marks: (properties.annotations?.horizontal ?? []).map(({ value, label = "" }) => ({
            value,
            label,
          })),
          times,
          series: lines.map(({ label, name, color, axis }, index) => ({
            label,
            metric: name,
            ...(color === undefined ? {} : { color }),
            axis,
            values: times.map((time) => data[index]!.get(time) ?? null),
          })),
        },
      ];
    }
    case "alarm":
      return [{ ...place, kind: "alarm", alarms: (properties.alarms ?? []).map(alarmName) }];
    case "text":
      return [{ ...place, kind: "text", markdown: properties.markdown ?? "" }];
    case "log":
      return [{ ...place, kind: "log", query: properties.query ?? "" }];
    default:
      return [];
  }
}

/** The last part of `arn:aws:cloudwatch:<region>:<account>:alarm:<name>`. */
function alarmName(arn: string): string {
  return arn.split(":").slice(6).join(":");
}
