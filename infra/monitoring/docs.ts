import { ESSENTIAL_METRICS, hasAlarm, METRIC_NAMESPACE, METRICS, TOKEN_METRICS } from "@dbward-aws/contract";
import type { AlarmDefinition, MetricSource } from "./alarm-definition.ts";
import { CATALOGUE } from "./catalogue.ts";
import { monthlyPrices } from "./monthly-prices.ts";
import { hasRunbook } from "./runbooks.ts";

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
  breaching: "a missing data point breaches",
  notBreaching: "a missing data point does not breach",
  ignore: "a missing data point changes nothing",
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
  const essential = new Set<string>([...ESSENTIAL_METRICS, ...Object.keys(TOKEN_METRICS)]);
  return {
    alarms: table(
      ["Alarm", "Level", "Severity", "Fires when", "Notified by"],
      CATALOGUE.map((row) => [
        hasRunbook(row.id) ? `[${row.id}](runbooks/${row.id}.md)` : row.id,
        hasAlarm("essential", row.id) ? "essential" : "full",
        row.severity,
        condition(row),
        { direct: "itself", down: "`down`", "unless-quiet": `\`${row.id}-notification\``, nobody: "nobody" }[
          row.notification.kind
        ],
      ]),
    ),
    metrics: table(
      ["Metric", "Level", "Unit", "Read as", "From", "Meaning"],
      Object.entries({ ...METRICS, ...TOKEN_METRICS }).map(([name, { unit, statistic, source, meaning }]) => [
        `\`${name}\``,
        essential.has(name) ? "essential" : "full",
        unit,
        statistic,
        SOURCES[source],
        meaning,
      ]),
    ),
    prices: table(
      ["Per month, at one poll a minute", "`essential`", "`full`"],
      monthlyPrices().map(({ item, byLevel }) => [item, amount(byLevel.essential), amount(byLevel.full)]),
    ),
  };
}

const SOURCES = {
  agents: "`/api/agents`",
  metrics: "`/metrics`",
  ready: "`/ready`",
  ecs: "ECS",
  poll: "the poll itself",
  tokens: "the daily check of the tokens",
} as const;

function amount({ count, usd }: { readonly count: number; readonly usd: number }): string {
  if (count === 0) return "";
  return count === 1 ? `${usd.toFixed(2)} USD` : `${usd.toFixed(2)} USD (${count})`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/**
 * `text` with the parts between `<!-- name -->` and `<!-- /name -->` replaced by what the code says today.
 */
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
