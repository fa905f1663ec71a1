import { z } from "zod";

const axis = z.looseObject({
  label: z.string().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});

const properties = z.looseObject({
  title: z.string().optional(),
  markdown: z.string().optional(),
  alarms: z.array(z.string()).optional(),
  query: z.string().optional(),
  stacked: z.boolean().optional(),
  period: z.number().optional(),
  stat: z.string().optional(),
  metrics: z.array(z.array(z.unknown())).optional(),
  yAxis: z.looseObject({ left: axis.optional(), right: axis.optional() }).optional(),
  annotations: z
    .looseObject({
      horizontal: z
        .array(
          z.looseObject({ value: z.number(), label: z.string().optional(), color: z.string().optional() }),
        )
        .optional(),
    })
    .optional(),
});

const body = z.looseObject({
  widgets: z.array(
    z.looseObject({
      type: z.string(),
      x: z.number().default(0),
      y: z.number().default(0),
      width: z.number().default(6),
      height: z.number().default(6),
      properties,
    }),
  ),
});

/** A widget of a CloudWatch dashboard, as its body has it. */
export type BodyWidget = z.output<typeof body>["widgets"][number];

/** The widgets of a dashboard. @throws when the text is not a dashboard body */
export function parseDashboardBody(text: string): BodyWidget[] {
  return body.parse(JSON.parse(text)).widgets;
}

/** One line of a metric widget. */
export interface MetricLine {
  readonly label: string;
  readonly color?: string;
  readonly axis: "left" | "right";
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly statistic: string;
  /** Seconds. */
  readonly period: number;
}

const renderOptions = z.looseObject({
  label: z.string().optional(),
  color: z.string().optional(),
  yAxis: z.enum(["left", "right"]).optional(),
  stat: z.string().optional(),
  period: z.number().optional(),
  visible: z.boolean().optional(),
});

/**
 * The lines of a metric widget. Each is `[namespace, name, dimension, value, …, options?]`, where `.` repeats the part
 * above it and `...` repeats all parts above that are not written. Lines of metric math are left out.
 */
export function metricLines({ properties }: BodyWidget): MetricLine[] {
  const lines: MetricLine[] = [];
  let above: string[] = [];
  for (const entry of properties.metrics ?? []) {
    const last = entry.at(-1);
    const options = typeof last === "object" && last !== null ? renderOptions.parse(last) : {};
    const written = entry.filter((part): part is string => typeof part === "string");
    if (written.length === 0) continue;
    const rest = written.indexOf("...");
    const parts =
      rest === -1
        ? written.map((part, at) => (part === "." ? (above[at] ?? "") : part))
        : [...above.slice(0, above.length - (written.length - rest - 1)), ...written.slice(rest + 1)];
    above = parts;
    const [namespace = "", name = "", ...pairs] = parts;
    const dimensions: Record<string, string> = {};
    for (let at = 0; at + 1 < pairs.length; at += 2) dimensions[pairs[at]!] = pairs[at + 1]!;
    if (options.visible === false) continue;
    lines.push({
      label: options.label ?? name,
      ...(options.color === undefined ? {} : { color: options.color }),
      axis: options.yAxis ?? "left",
      namespace,
      name,
      dimensions,
      statistic: options.stat ?? properties.stat ?? "Average",
      period: options.period ?? properties.period ?? 300,
    });
  }
  return lines;
}
