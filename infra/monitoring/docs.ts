import { METRIC_NAMESPACE, METRICS, stageNames } from "@dbward-aws/contract";
import type { AlarmDefinition, MetricSource } from "./alarm-definition.ts";
import { CATALOGUE } from "./catalogue.ts";
import { type MonthlyPrice, monthlyPrices } from "./monthly-prices.ts";
import { RUNBOOKS } from "./runbooks.ts";

const GENERATED =
  "<!-- Made from the catalogue by `pnpm --filter @dbward-aws/infra run docs`. Change that, not this. -->";

/** The page of an alarm. */
export function runbookPage(row: AlarmDefinition): string {
  const { causes, steps } = RUNBOOKS[row.id];
  return `${GENERATED}

# ${row.id}

**${row.title}** (${row.severity}). ${row.meaning}

Alarm \`${stageNames("STAGE").alarm(row.id)}\`: ${condition(row)}. ${TOLD[row.notification.kind]}

## Probable causes

${causes.map((cause) => `- ${cause}`).join("\n")}

## What to do

${[row.firstStep, ...steps].map((step, index) => `${index + 1}. ${step}`).join("\n")}

## How to verify

The alarm goes back to OK: \`pnpm ops status --stage STAGE\`, or the status row of the dashboard.
${row.notification.kind === "nobody" ? "" : "The receivers get a message about that as well.\n"}`;
}

const TOLD = {
  direct: "The receivers are told by this alarm itself.",
  down: "The receivers are told by the alarm `down`, which names this one as its cause.",
  "unless-quiet":
    "The receivers are told by a composite alarm over it, which keeps silent while dbward is down or being deployed.",
  nobody: "Nobody is told.",
} as const;

/** When the alarm fires, as a sentence without its full stop. */
function condition(row: AlarmDefinition): string {
  const [breaching, periods] = row.datapoints;
  const comparison = row.breaches === "below" ? "below" : "at least";
  const length = row.periodSeconds === 60 ? "minute" : `${row.periodSeconds / 60} minutes`;
  const window =
    periods === 1
      ? `in one period of ${row.periodSeconds === 60 ? "a minute" : length}`
      : `in ${breaching} of ${periods} periods of ${row.periodSeconds === 60 ? "a minute" : length}`;
  return `${signal(row)} is ${comparison} ${row.threshold} (${row.unit}) ${window}; ${MISSING[row.missing]}`;
}

const MISSING = {
  breaching: "a missing datum counts as trouble",
  notBreaching: "a missing datum counts as good",
  ignore: "a missing datum changes nothing",
} as const;

function signal({ signal }: AlarmDefinition): string {
  if ("metric" in signal) return metric(signal.metric);
  const inputs = Object.entries(signal.metrics).map(([id, source]) => `\`${id}\`: ${metric(source)}`);
  return `\`${signal.expression}\` (${inputs.join(", ")})`;
}

function metric({ namespace, name, statistic }: MetricSource): string {
  return namespace === METRIC_NAMESPACE
    ? `\`${name}\` (${statistic})`
    : `\`${namespace} ${name}\` (${statistic})`;
}

/** The parts of `docs/monitoring.md` that are made from code, by the name of their marks. */
export function monitoringTables(): Readonly<Record<string, string>> {
  return {
    alarms: table(
      ["Alarm", "Severity", "Fires when", "Told by"],
      CATALOGUE.map((row) => [
        `[${row.id}](runbooks/${row.id}.md)`,
        row.severity,
        condition(row),
        { direct: "itself", down: "`down`", "unless-quiet": `\`${row.id}-told\``, nobody: "nobody" }[
          row.notification.kind
        ],
      ]),
    ),
    metrics: table(
      ["Metric", "Unit", "Read as", "From", "Meaning"],
      Object.entries(METRICS).map(([name, { unit, statistic, source, meaning }]) => [
        `\`${name}\``,
        unit,
        statistic,
        SOURCES[source],
        meaning,
      ]),
    ),
    prices: table(
      ["Per month, at one poll a minute", "`api`", "`emf`"],
      monthlyPrices().map(({ item, api, emf }: MonthlyPrice) => [item, dollars(api), dollars(emf)]),
    ),
  };
}

const SOURCES = {
  agents: "`/api/agents`",
  metrics: "`/metrics`",
  ready: "`/ready`",
  ecs: "ECS",
  poll: "the poll itself",
} as const;

const dollars = (amount: number) => `${amount.toFixed(2)} USD`;

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/** `text` with the parts between `<!-- name -->` and `<!-- /name -->` replaced by what the code says today. */
export function withTables(text: string): string {
  return Object.entries(monitoringTables()).reduce(
    (page, [name, content]) =>
      page.replace(
        new RegExp(`(<!-- ${name} -->)[\\s\\S]*?(<!-- /${name} -->)`),
        (_all, open: string, close: string) => `${open}\n\n${content}\n\n${close}`,
      ),
    text,
  );
}
