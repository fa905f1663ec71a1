import { median, quantile, ratios } from "./statistics.ts";

/** One measured quantity. */
export interface Figure {
  readonly name: string;
  /** The median when it was measured several times. */
  readonly value: number;
  /** The lower and the upper quartile. @default - it was measured once, or is the same each time */
  readonly quartiles?: readonly [lower: number, upper: number];
  /** `""` for a ratio or a count. */
  readonly unit: Unit;
  readonly goal?: Goal;
}

type Unit = "ms" | "s" | "bytes" | "MB" | "MB/s" | "";

/** Bounds of a value. */
export interface Goal {
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** How much is measured: `full` for figures to compare, `quick` to see that a benchmark works. */
export type Size = "full" | "quick";

/** Results of one benchmark. */
export interface Result {
  readonly benchmark: string;
  readonly figures: readonly Figure[];
  /** What the reader has to know, such as what could not be measured. */
  readonly remarks: readonly string[];
}

/** A figure that was measured once. */
export function figure(name: string, value: number, unit: Unit, goal?: Goal): Figure {
  return { name, value, unit, ...(goal && { goal }) };
}

/** The median of several measurements, with their quartiles. */
export function medianFigure(name: string, values: readonly number[], unit: Unit, goal?: Goal): Figure {
  const quartiles = [quantile(values, 0.25), quantile(values, 0.75)] as const;
  return { ...figure(name, median(values), unit, goal), quartiles };
}

/** The median of the ratios of two measurements of the same rounds. */
export function ratioFigure(
  name: string,
  values: readonly number[],
  references: readonly number[],
  goal?: Goal,
): Figure {
  return medianFigure(name, ratios(values, references), "", goal);
}

/** The results as one table in Markdown, with the remarks below it. */
export function toMarkdown(results: readonly Result[]): string {
  return [
    "| Benchmark | Figure | Median | Quartiles | Goal |",
    "|---|---|---:|---:|---:|",
    ...results.flatMap(({ benchmark, figures }) => figures.map((each) => `| ${benchmark} | ${row(each)} |`)),
    ...results.flatMap(({ benchmark, remarks }) =>
      remarks.flatMap((remark) => ["", `${benchmark}: ${remark}`]),
    ),
    "",
  ].join("\n");
}

function row({ name, value, quartiles, unit, goal }: Figure): string {
  const spread = quartiles ? quartiles.map(digits).join(" to ") : "";
  return [name, display(value, unit), spread, goal ? displayGoal(value, unit, goal) : ""].join(" | ");
}

function displayGoal(value: number, unit: Unit, { atMost, atLeast }: Goal): string {
  const isMissed = value > (atMost ?? value) || value < (atLeast ?? value);
  const bound = atMost === undefined ? `≥ ${display(atLeast ?? 0, unit)}` : `≤ ${display(atMost, unit)}`;
  return isMissed ? `${bound}, missed` : bound;
}

function display(value: number, unit: Unit): string {
  return unit === "" ? digits(value) : `${digits(value)} ${unit}`;
}

function digits(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}
