import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CloudFormationClient,
  CreateStackCommand,
  waitUntilStackCreateComplete,
} from "@aws-sdk/client-cloudformation";
import {
  CloudWatchClient,
  GetMetricDataCommand,
  PutCompositeAlarmCommand,
  PutDashboardCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  METRIC_NAMESPACE,
  METRICS,
  type MetricName,
  STAGE_DIMENSION,
  stageNames,
} from "@dbward-aws/contract";
import { LOCAL_REGION } from "@dbward-aws/local-account";
import { type DashboardPage, startDashboardPage } from "@dbward-aws/ops-page";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  startTestEmulator,
  type TestEmulator,
} from "../../../local-account/src/emulator/test-support/start-test-emulator.ts";

const BROWSERS = [process.env.DBWARD_CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser"];
const executablePath = BROWSERS.find((path) => path !== "" && existsSync(path));
const STAGE = "page";
const names = stageNames(STAGE);
/** A value that must never leave Secrets Manager. */
const CANARY = "dbw_00000000000000000000000000c0ffee";
const DIMENSIONS = [{ Name: STAGE_DIMENSION, Value: STAGE }];
const SHOWN: Readonly<Partial<Record<MetricName, number>>> = {
  RequestsPending: 3,
  RequestsApproved: 2,
  RequestsRunning: 7,
  AgentsHealthy: 4,
  OldestAgentPollAge: 12.5,
};

if (process.env.CI && !executablePath) throw new Error("CI needs chromium: apt-get install chromium.");

describe.skipIf(!executablePath)("the page in a browser", { timeout: 60_000 }, () => {
  let directory: string;
  let emulator: TestEmulator;
  let cloudWatch: CloudWatchClient;
  let dashboard: DashboardPage;
  let browser: Browser;
  let page: Page;
  const requested: string[] = [];
  const complaints: string[] = [];

  const put = (values: Readonly<Record<string, number>>) =>
    cloudWatch.send(
      new PutMetricDataCommand({
        Namespace: METRIC_NAMESPACE,
        MetricData: Object.entries(values).map(([MetricName, Value]) => ({
          MetricName,
          Value,
          Dimensions: DIMENSIONS,
        })),
      }),
    );

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "dashboard-page-"));
    emulator = await startTestEmulator(directory);
    const { endpoint, credentials } = emulator;
    const aws = { endpoint, region: LOCAL_REGION, credentials };
    cloudWatch = new CloudWatchClient(aws);
    await Promise.all([
      makeDashboard(cloudWatch),
      makeSecrets(new SecretsManagerClient(aws), new CloudFormationClient(aws)),
    ]);
    await put({ ...SHOWN, AgentsOffline: 0 });

    dashboard = await startDashboardPage({
      stage: STAGE,
      aws,
      range: "1h",
      refreshSeconds: { metrics: 1, state: 1 },
    });
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    page.on("request", (request) => requested.push(request.url()));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(dashboard.url);
    await page.waitForSelector(".plot canvas");
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await dashboard?.close();
    await emulator?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("shows the numbers that CloudWatch has", async () => {
    for (const [name, value] of Object.entries(SHOWN) as [MetricName, number][]) {
      const { MetricDataResults = [] } = await cloudWatch.send(
        new GetMetricDataCommand({
          StartTime: new Date(Date.now() - 3_600_000),
          EndTime: new Date(Date.now() + 60_000),
          MetricDataQueries: [
            {
              Id: "m",
              MetricStat: {
                Metric: { Namespace: METRIC_NAMESPACE, MetricName: name, Dimensions: DIMENSIONS },
                Period: 60,
                Stat: METRICS[name].statistic,
              },
            },
          ],
        }),
      );
      expect(MetricDataResults[0]?.Values?.at(-1)).toBe(value);
      await page.waitForSelector(`[data-metric="${name}"]:text-is("${value}")`);
    }
  });

  it("turns an alarm's tile and the verdict when an agent is lost, and says why", async () => {
    await page.waitForSelector('[data-alarm="agents-offline"][data-state="OK"]', { state: "attached" });
    await put({ AgentsOffline: 1 });
    await page.waitForSelector('[data-alarm="agents-offline"][data-state="ALARM"]', { state: "attached" });
    await page.waitForSelector('#verdict[data-state="ALARM"]:has-text("agents-offline")');
    await page.waitForSelector('#history tr:has-text("agents-offline"):has-text("Threshold Crossed: 1 of")');
  });

  it("shows whether a secret is captured, and never its value", async () => {
    const secret = (name: string) => page.locator(`#tokens tr[data-id="${name}"]`);
    expect(await secret(names.adminTokenSecret).textContent()).toContain("captured");
    expect(await secret(names.metricsTokenSecret).textContent()).toContain("empty");
    expect(await page.content()).not.toContain(CANARY);
    const { origin } = new URL(page.url());
    for (const path of ["/api/state", "/api/findings", "/api/dashboard", "/api/logs"]) {
      const answer = await page.request.get(`${origin}${path}`);
      expect(answer.status(), path).toBe(200);
      expect(await answer.text()).not.toContain(CANARY);
    }
  });

  it("shows the stacks, and which of them are missing", async () => {
    const stack = (id: "State" | "Server") => page.locator(`#stacks tr[data-id="${names.stack(id)}"]`);
    expect(await stack("State").textContent()).toContain("create complete");
    expect(await stack("Server").textContent()).toContain("not deployed");
  });

  it("works from the keyboard", async () => {
    await page.reload();
    await page.waitForSelector(".plot canvas");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the charts");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("dashboard");
    const range = page.locator("#range");
    expect(await range.inputValue()).toBe("1h");
    await range.focus();
    await page.keyboard.press("ArrowDown");
    // What the viewer has chosen outlasts the next look at the state, which says `1h` again.
    await page.waitForResponse(/api\/state/);
    await page.waitForResponse(/api\/state/);
    expect(await range.inputValue()).toBe("3h");
  });

  it("is light and dark, as the system or the viewer likes it", async () => {
    const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
    await page.emulateMedia({ colorScheme: "light" });
    const light = await paper();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await paper();
    expect(dark).not.toBe(light);
    await page.selectOption("#theme", "light");
    expect(await paper()).toBe(light);
  });

  it("takes nothing from elsewhere, and complains of nothing", () => {
    expect(requested.length).toBeGreaterThan(5);
    expect(
      requested.filter(
        (url) => !url.startsWith(new URL("/", dashboard.url).href) && !url.startsWith("data:"),
      ),
    ).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

/** A dashboard as CDK writes it, and the alarms of its status row. */
async function makeDashboard(cloudWatch: CloudWatchClient): Promise<void> {
  const line = (name: MetricName) => [
    METRIC_NAMESPACE,
    name,
    STAGE_DIMENSION,
    STAGE,
    { label: name, period: 60, stat: METRICS[name].statistic },
  ];
  const chart = (title: string, x: number, metrics: readonly MetricName[], stacked: boolean) => ({
    type: "metric",
    width: 12,
    height: 6,
    x,
    y: 4,
    properties: {
      view: "timeSeries",
      title,
      region: LOCAL_REGION,
      stacked,
      metrics: metrics.map(line),
      yAxis: { left: { label: "Requests", min: 0 } },
    },
  });
  const offline = names.alarm("agents-offline");
  await cloudWatch.send(
    new PutMetricAlarmCommand({
      AlarmName: offline,
      Namespace: METRIC_NAMESPACE,
      MetricName: "AgentsOffline",
      Dimensions: DIMENSIONS,
      Statistic: "Maximum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      TreatMissingData: "ignore",
    }),
  );
  await cloudWatch.send(
    new PutCompositeAlarmCommand({ AlarmName: names.alarm("down"), AlarmRule: `ALARM("${offline}")` }),
  );
  const arn = (name: string) => `arn:aws:cloudwatch:${LOCAL_REGION}:000000000000:alarm:${name}`;
  const body = {
    widgets: [
      {
        type: "alarm",
        width: 24,
        height: 4,
        x: 0,
        y: 0,
        properties: { title: "Status", alarms: [arn(names.alarm("down")), arn(offline)] },
      },
      chart("Queue by state", 0, ["RequestsPending", "RequestsApproved", "RequestsRunning"], true),
      chart("Agents", 12, ["AgentsHealthy", "OldestAgentPollAge"], false),
      {
        type: "text",
        width: 24,
        height: 3,
        x: 0,
        y: 10,
        properties: { markdown: "### Links\n- **bold** [page](https://example.com/)" },
      },
    ],
  };
  await cloudWatch.send(
    new PutDashboardCommand({ DashboardName: names.dashboard, DashboardBody: JSON.stringify(body) }),
  );
}

async function makeSecrets(secrets: SecretsManagerClient, stacks: CloudFormationClient): Promise<void> {
  await secrets.send(new CreateSecretCommand({ Name: names.adminTokenSecret, SecretString: CANARY }));
  // As the stacks make it: without a value.
  const Resources = {
    Empty: { Type: "AWS::SecretsManager::Secret", Properties: { Name: names.metricsTokenSecret } },
  };
  await stacks.send(
    new CreateStackCommand({ StackName: names.stack("State"), TemplateBody: JSON.stringify({ Resources }) }),
  );
  await waitUntilStackCreateComplete(
    { client: stacks, maxWaitTime: 30, minDelay: 1 },
    { StackName: names.stack("State") },
  );
}
