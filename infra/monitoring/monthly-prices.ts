import { MONITORING_LEVELS, type MonitoringLevel, type Publisher } from "@dbward-aws/contract";
import { estimateCost } from "@dbward-aws/ops";
import { Template } from "aws-cdk-lib/assertions";
import { monitoredStage } from "./test-support/monitored-stage.ts";

/** One thing that watching a stage costs. */
export interface MonthlyPrice {
  readonly item: string;
  /** How many of it, and USD a month for all of them. */
  readonly byLevel: Readonly<Record<MonitoringLevel, { readonly count: number; readonly usd: number }>>;
}

/**
 * What watching a stage costs, measured from its template: one agent, no load balancer, no per-agent metrics.
 */
export function monthlyPrices(publisher: Publisher = "api"): MonthlyPrice[] {
  const none = { count: 0, usd: 0 };
  const items = new Map<string, Record<MonitoringLevel, { count: number; usd: number }>>();
  for (const level of MONITORING_LEVELS) {
    const { stack } = monitoredStage({ monitoring: { level, publisher } });
    const template = Template.fromStack(stack).toJSON();
    const estimate = estimateCost(new Map([["prod-dbward-Monitoring", template]]));
    const found = [...estimate.items, { item: SUM, usd: estimate.total }];
    for (const { item, usd } of found) {
      const [, count = "1", name = item] = /^(\d+) x (.*)$/.exec(item) ?? [];
      const before = items.get(name) ?? { essential: none, full: none };
      items.set(name, { ...before, [level]: { count: Number(count), usd } });
    }
  }
  return [...items]
    .map(([item, byLevel]) => ({ item, byLevel }))
    .sort((a, b) => Number(a.item === SUM) - Number(b.item === SUM));
}

const SUM = "**Sum**";
