import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { APPLY_ENVIRONMENT, POLLER_ENVIRONMENT, TOKEN_CHECK_ENVIRONMENT } from "@dbward-aws/contract";
import type { StageInput } from "@dbward-aws/settings";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { directory, ops } from "../test-support/ops-run.ts";

const FOLDER = join(directory, "templates");

type Resources = Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>;

function template(stack: string, resources: Resources): void {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(FOLDER, `prod-dbward-${stack}.template.json`);
  writeFileSync(file, JSON.stringify({ Resources: resources }));
}

async function estimate(changes: Partial<StageInput> = {}) {
  const { code, out, err, identity } = await ops("cost --templates templates --json", changes);
  expect([code, err, identity]).toEqual([0, "", undefined]);
  return JSON.parse(out) as {
    total: number;
    withoutHours?: number;
    parts: { part: string; usd: number }[];
    items: { part: string; item: string; usd: number }[];
    assumptions: string[];
  };
}

beforeEach(() => {
  // It needs neither credentials nor a region.
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"])
    vi.stubEnv(name, undefined);
});
afterEach(() => rmSync(FOLDER, { recursive: true, force: true }));

const TASKS: Resources = {
  Task: { Type: "AWS::ECS::TaskDefinition", Properties: { Cpu: "1024", Memory: "2048" } },
  Service: {
    Type: "AWS::ECS::Service",
    Properties: {
      DesiredCount: 2,
      TaskDefinition: { Ref: "Task" },
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: "ENABLED" } },
    },
  },
};

describe("ops cost", () => {
  it("adds up what runs all the time, by parts", async () => {
    template("State", {
      Gateway: { Type: "AWS::EC2::NatGateway" },
      Address: { Type: "AWS::EC2::EIP" },
      Interface: {
        Type: "AWS::EC2::VPCEndpoint",
        Properties: { VpcEndpointType: "Interface", SubnetIds: ["a", "b"] },
      },
      S3: { Type: "AWS::EC2::VPCEndpoint", Properties: { VpcEndpointType: "Gateway" } },
      Secret: { Type: "AWS::SecretsManager::Secret" },
      Other: { Type: "AWS::SecretsManager::Secret" },
    });
    template("Agents", TASKS);
    const { total, parts, items } = await estimate();
    expect(items).toContainEqual({ part: "network", item: "NAT gateway", usd: 32.85 });
    expect(items).toContainEqual({ part: "network", item: "2 x interface endpoint, one zone", usd: 14.6 });
    expect(items).toContainEqual({ part: "state", item: "2 x secret", usd: 0.8 });
    // Two tasks: one vCPU at 0.04048, and two GiB at 0.004445 an hour each.
    expect(items).toContainEqual({ part: "agents", item: "2 x Fargate task, 1 vCPU, 2 GiB", usd: 72.08 });
    expect(parts.map(({ part }) => part)).toEqual(["network", "state", "agents"]);
    expect(total).toBeCloseTo(
      parts.reduce((sum, { usd }) => sum + usd, 0),
      5,
    );
  });

  it("counts tasks, their addresses and polls for the hours of the stage alone, and says what the hours save", async () => {
    template("Agents", TASKS);
    template("Monitoring", { Secret: { Type: "AWS::SecretsManager::Secret" } });
    const always = await estimate();
    // 60 of 168 hours a week.
    const hours = { start: "08:00", stop: "20:00" };
    const { total, withoutHours, items, assumptions } = await estimate({ hours });
    const usd = (of: typeof items, item: string) => of.find((each) => each.item === item)?.usd ?? 0;
    for (const item of ["2 x Fargate task, 1 vCPU, 2 GiB", "2 x public IPv4 address"])
      expect(usd(items, item)).toBeCloseTo(usd(always.items, item) * (60 / 168), 1);
    expect(usd(items, "secret")).toBe(usd(always.items, "secret"));
    expect(withoutHours).toBe(always.total);
    expect(total).toBeLessThan(always.total / 2);
    expect(assumptions.join()).toContain("MON to FRI 08:00-20:00 UTC, 261 hours a month");
    const { out } = await ops("cost --templates templates", { hours });
    expect(out).toContain("without its hours");
  });

  it("takes the price of the processor, and of Spot", async () => {
    const task = (CpuArchitecture: string) => ({
      Type: "AWS::ECS::TaskDefinition",
      Properties: { Cpu: "1024", Memory: "2048", RuntimePlatform: { CpuArchitecture } },
    });
    const service = (definition: string, CapacityProvider: string) => ({
      Type: "AWS::ECS::Service",
      Properties: {
        TaskDefinition: { Ref: definition },
        CapacityProviderStrategy: [{ CapacityProvider, Weight: 1 }],
      },
    });
    template("Agents", {
      Arm: task("ARM64"),
      OnDemand: service("Arm", "FARGATE"),
      Spot: service("Arm", "FARGATE_SPOT"),
    });
    const { items } = await estimate();
    // One vCPU at 0.03238, and two GiB at 0.00356 an hour each; Spot at 30 % of it.
    expect(items).toContainEqual({ part: "agents", item: "Fargate task, 1 vCPU, 2 GiB", usd: 28.84 });
    expect(items).toContainEqual({ part: "agents", item: "Fargate Spot task, 1 vCPU, 2 GiB", usd: 8.65 });
  });

  it("counts what watches: metrics, alarms by their metrics, the poller", async () => {
    const stat = { MetricStat: { Metric: { MetricName: "x" } } };
    template("Monitoring", {
      One: { Type: "AWS::CloudWatch::Alarm", Properties: { MetricName: "x" } },
      Two: { Type: "AWS::CloudWatch::Alarm", Properties: { Metrics: [stat, stat, { Expression: "a/b" }] } },
      Poller: {
        Type: "AWS::Lambda::Function",
        Properties: {
          MemorySize: 256,
          Architectures: ["arm64"],
          Environment: {
            Variables: {
              [POLLER_ENVIRONMENT.publisher]: "api",
              [POLLER_ENVIRONMENT.tokenSecret]: "dbward/prod/metrics-token",
              [POLLER_ENVIRONMENT.perAgentMetrics]: "5",
              [POLLER_ENVIRONMENT.agents]: "app=agent:1,reports:1",
            },
          },
        },
      },
      Check: {
        Type: "AWS::Lambda::Function",
        Properties: {
          MemorySize: 256,
          Architectures: ["arm64"],
          Environment: { Variables: { [TOKEN_CHECK_ENVIRONMENT.publisher]: "api" } },
        },
      },
      Other: { Type: "AWS::Lambda::Function" },
    });
    const { parts, items } = await estimate();
    // Two metrics, in one hour of each day.
    expect(items).toContainEqual({ part: "monitoring", item: "check of the tokens", usd: 0.03 });
    expect(parts.map(({ part }) => part)).toEqual(["monitoring"]);
    expect(items).toContainEqual({ part: "monitoring", item: "3 x metric of an alarm", usd: 0.3 });
    const metrics = items.find(({ item }) => item.endsWith("custom metric"))!;
    expect(metrics.usd).toBeCloseTo(0.3 * Number(metrics.item.split(" ")[0]), 5);
    expect(items.map(({ item }) => item)).toContain("poller's function, one call a minute");
  });

  it("counts the calls for the secrets whose new values are taken over", async () => {
    const applier = (secrets: string) => ({
      Type: "AWS::Lambda::Function",
      Properties: {
        MemorySize: 256,
        Architectures: ["arm64"],
        Environment: {
          Variables: { [APPLY_ENVIRONMENT.secrets]: secrets, [APPLY_ENVIRONMENT.agents]: "app,reports" },
        },
      },
    });
    const usd = async (secrets: string) => {
      template("Monitoring", { Applier: applier(secrets) });
      const { items } = await estimate();
      return items.find(({ item }) => item === "function, one call every 5 minutes")!.usd;
    };
    // 8,760 runs; two secrets of each of two agents, at 0.05 USD for 10,000 calls.
    expect((await usd("agents")) - (await usd("none"))).toBeCloseTo((8_760 * 4 * 0.05) / 10_000, 1);
  });

  it("prints a table with the sum and what it takes for granted", async () => {
    template("Server", TASKS);
    const { code, out } = await ops("cost --templates templates");
    expect(code).toBe(0);
    expect(out).toMatch(/^server +72\.08$/m);
    expect(out).toMatch(/^total +79\.38$/m);
    expect(out).toMatch(/^List prices of us-east-1 of \d{4}-\d\d-\d\d, /m);
  });

  it("says where it looked for templates, and what makes them", async () => {
    expect((await ops("cost --templates nowhere")).err).toMatch(/nowhere has no templates of the stage/);
    expect((await ops("cost")).err).toMatch(/app\.ts, which makes the templates, doesn't exist/);
  });
});
