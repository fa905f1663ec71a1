import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Template } from "aws-cdk-lib/assertions";
import { expect, it } from "vitest";
import { CATALOGUE } from "./catalogue.ts";
import { monitoringTables, runbookPage, withTables } from "./docs.ts";
import { runbookPath } from "./runbook-link.ts";
import { monitoredStage } from "./test-support/monitored-stage.ts";

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const text = (path: string) => readFileSync(root(path), "utf8");

it.each(CATALOGUE.map((row) => [row.id, row] as const))(
  "the runbook of %s is what the catalogue says",
  (_id, row) => {
    expect(text(runbookPath(row.id))).toBe(runbookPage(row));
  },
);

it("there is no runbook without an alarm", () => {
  const pages = readdirSync(root("docs/runbooks")).filter((name) => name !== "README.md");
  expect(pages.sort()).toEqual(CATALOGUE.map(({ id }) => `${id}.md`).sort());
});

it("the tables of docs/monitoring.md are what the code says", () => {
  const page = text("docs/monitoring.md");
  for (const name of Object.keys(monitoringTables())) expect(page).toContain(`<!-- ${name} -->`);
  expect(page).toBe(withTables(page));
});

it("the price table counts the alarms that a stage has", () => {
  const template = Template.fromStack(monitoredStage().stack);
  const { prices } = monitoringTables();
  const alarms = Object.keys(template.findResources("AWS::CloudWatch::Alarm")).length;
  const composites = Object.keys(template.findResources("AWS::CloudWatch::CompositeAlarm")).length;
  expect(prices).toContain(`| ${alarms} alarms over `);
  expect(prices).toContain(`| ${composites} composite alarms |`);
});
