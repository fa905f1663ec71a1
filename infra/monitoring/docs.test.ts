import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ESSENTIAL_METRICS, hasAlarm, METRICS } from "@dbward-aws/contract";
import type { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { sourcesOf } from "./alarm-definition.ts";
import { CATALOGUE } from "./catalogue.ts";
import { monitoringTables, withTables } from "./docs.ts";
import { monthlyPrices } from "./monthly-prices.ts";
import { RUNBOOKS } from "./runbooks.ts";
import { monitoredStage } from "./test-support/monitored-stage.ts";

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const text = (path: string) => readFileSync(root(path), "utf8");

it("every alarm that links to a runbook has one, and no runbook is left over", () => {
  expect(readdirSync(root("docs/runbooks")).sort()).toEqual(RUNBOOKS.map((id) => `${id}.md`).sort());
});

it("the tables of docs/monitoring.md are what the code says", () => {
  const page = text("docs/monitoring.md");
  for (const name of Object.keys(monitoringTables())) expect(page).toContain(`<!-- ${name} -->`);
  expect(page).toBe(withTables(page));
});

interface Widget {
  readonly width: number;
  readonly y: number;
  readonly properties: { readonly metrics?: readonly unknown[] };
}

function widgetsOf(stack: Stack): readonly Widget[] {
  const [dashboard] = Object.values(Template.fromStack(stack).findResources("AWS::CloudWatch::Dashboard"));
  const body = (dashboard!.Properties.DashboardBody["Fn::Join"][1] as unknown[])
    .map((part) => (typeof part === "string" ? part : "reference"))
    .join("");
  return (JSON.parse(body) as { widgets: Widget[] }).widgets;
}

describe.each(["essential", "full"] as const)("the dashboard of the level %s", (level) => {
  it.each([false, true])("fills the width of each row, load balancer: %s", (loadBalancer) => {
    const rows = new Map<number, number>();
    for (const { y, width } of widgetsOf(monitoredStage({ loadBalancer, monitoring: { level } }).stack))
      rows.set(y, (rows.get(y) ?? 0) + width);
    expect(rows.size).toBe(8);
    expect(new Set(rows.values())).toEqual(new Set([24]));
  });
});

describe("the price of watching a stage", () => {
  it("is at most 8 USD a month by default, measured from the template", () => {
    for (const publisher of ["api", "emf"] as const) {
      const sum = monthlyPrices(publisher).at(-1)!.byLevel;
      expect(sum.essential.usd).toBeGreaterThan(5);
      expect(sum.essential.usd).toBeLessThanOrEqual(8);
      expect(sum.full.usd).toBeGreaterThan(sum.essential.usd);
    }
  });

  it("has a free dashboard: at most 50 metrics, with everything that a stage can have", () => {
    const widgets = widgetsOf(monitoredStage({ loadBalancer: true, monitoring: { level: "full" } }).stack);
    const metrics = widgets.flatMap(({ properties }) => properties.metrics ?? []);
    expect(metrics.length).toBeGreaterThan(30);
    expect(metrics.length).toBeLessThanOrEqual(50);
  });

  it("pays for no metric that no alarm of the level needs", () => {
    const needed = CATALOGUE.filter(({ id }) => hasAlarm("essential", id)).flatMap(({ signal }) =>
      sourcesOf(signal).flatMap(({ owner, name }) => (owner === "stage" && name in METRICS ? name : [])),
    );
    expect(new Set(needed)).toEqual(new Set(ESSENTIAL_METRICS));
  });
});
