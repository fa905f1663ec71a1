import { METRICS } from "@dbward-aws/contract";
import { sourcesOf } from "./alarm-definition.ts";
import { CATALOGUE } from "./catalogue.ts";

/** USD a month of one item, by the poller's publisher. */
export interface MonthlyPrice {
  readonly item: string;
  readonly api: number;
  readonly emf: number;
}

/** Polls of an average month, one a minute. */
const POLLS = (365.25 / 12) * 24 * 60;

/** List prices of us-east-1 in USD, without the free tier. Source: the price pages of CloudWatch, Lambda and KMS. */
const PRICE = {
  customMetric: 0.3,
  putMetricData: 0.01 / 1000,
  logGigabyte: 0.5,
  alarmMetric: 0.1,
  compositeAlarm: 0.5,
  dashboard: 3,
  key: 1,
  lambdaRequest: 0.2 / 1e6,
  lambdaGigabyteSecond: 0.0000133334,
} as const;

/** Of one poll: seconds, gigabytes of memory, bytes of log. */
const POLL = { seconds: 0.5, gigabytes: 0.25, logBytes: 300, embeddedBytes: 2_600 } as const;

/** What monitoring costs with the defaults: no per-agent metrics, no load balancer. */
export function monthlyPrices(): MonthlyPrice[] {
  const rows = CATALOGUE.filter(({ id }) => !id.startsWith("alb-"));
  const alarmMetrics = rows.reduce((count, { signal }) => count + sourcesOf(signal).length, 0);
  const composites = 2 + rows.filter(({ notification }) => notification.kind === "unless-quiet").length;
  const log = (bytes: number) => ((POLLS * bytes) / 1e9) * PRICE.logGigabyte;
  const lambda = POLLS * (PRICE.lambdaRequest + POLL.seconds * POLL.gigabytes * PRICE.lambdaGigabyteSecond);
  const items: MonthlyPrice[] = [
    same(
      `${Object.keys(METRICS).length} metrics of the poller`,
      Object.keys(METRICS).length * PRICE.customMetric,
    ),
    { item: "PutMetricData, one call a poll", api: POLLS * PRICE.putMetricData, emf: 0 },
    { item: "Log of the poller", api: log(POLL.logBytes), emf: log(POLL.logBytes + POLL.embeddedBytes) },
    same("Poller's function", lambda),
    same(`${rows.length} alarms over ${alarmMetrics} metrics`, alarmMetrics * PRICE.alarmMetric),
    same(`${composites} composite alarms`, composites * PRICE.compositeAlarm),
    same("Dashboard (the first three of an account are free)", PRICE.dashboard),
    same("Key of the topic", PRICE.key),
  ];
  const sum = (publisher: "api" | "emf") => items.reduce((total, item) => total + item[publisher], 0);
  return [...items, { item: "**Sum**", api: sum("api"), emf: sum("emf") }];
}

function same(item: string, price: number): MonthlyPrice {
  return { item, api: price, emf: price };
}
