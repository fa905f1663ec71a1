/** One thing that was measured. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `""` is a ratio, or a count. */
  readonly unit: "ms" | "bytes" | "MB" | "MB/s" | "";
  /** What it is to be at most. @default - it has no goal */
  readonly goal?: number;
}

/** How much is measured: `full` for figures that say something, `quick` to see that all of it works. */
export type Size = "full" | "quick";

/** What one benchmark found. */
export interface Result {
  readonly benchmark: string;
  readonly figures: readonly Figure[];
  /** What the reader has to know, such as what could not be measured. */
  readonly remarks: readonly string[];
}

/** A result as a table in Markdown. */
export function toMarkdown({ benchmark, figures, remarks }: Result): string {
  return [
    `### ${benchmark}`,
    "",
    "| Figure | Value | Goal |",
    "|---|---:|---:|",
    ...figures.map(({ name, value, unit, goal }) => {
      const target = goal === undefined ? "" : `≤ ${display(goal, unit)}${value > goal ? ", missed" : ""}`;
      return `| ${name} | ${display(value, unit)} | ${target} |`;
    }),
    ...remarks.flatMap((remark) => ["", remark]),
    "",
  ].join("\n");
}

function display(value: number, unit: Figure["unit"]): string {
  const text =
    value >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
  return unit === "" ? text : `${text} ${unit}`;
}
