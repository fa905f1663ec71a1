import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { stageNames, TOKEN_CHECK_EVENTS } from "@dbward-aws/contract";
import { createLogger, Deadline } from "@dbward-aws/core";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { ApiPublisher } from "@dbward-aws/metric-publisher";
import { tokenSecrets } from "@dbward-aws/stage/token-secrets";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rotateDue } from "./rotate.ts";
import { runTask } from "./run-task.ts";
import { FakeStage, newToken } from "./test-support/fake-stage.ts";
import type { TokenStage } from "./token-stage.ts";

const names = stageNames("dev");
const AGENTS = [{ name: "app", token: "bootstrap" }, { name: "reports" }] as const;
const [APP, REPORTS] = AGENTS.map((agent) => names.agentTokenSecret(agent)) as [string, string];
const { adminTokenSecret: ADMIN, metricsTokenSecret: METRICS } = names;
const MINUTE = 60_000;

let fake: FakeStage;
let lines: string[];
let handedOut: string[];

beforeEach(async () => {
  lines = [];
  fake = await FakeStage.start();
  handedOut = [
    fake.addToken(ADMIN, "admin", 1, true),
    fake.addToken(METRICS, "cloudwatch-poller", 1),
    fake.addToken(APP, "agent", 1, true),
    fake.addToken(REPORTS, "reports", 1),
  ];
  fake.addService(names.serverService);
  for (const { name } of AGENTS) fake.addService(names.agentService(name));
  fake.agents = ["agent", "reports"].map((id) => row(id));
});
afterEach(async () => {
  const printed = lines.join("\n");
  for (const token of [...handedOut, ...fake.tokens.keys()]) expect(printed).not.toContain(token.slice(4));
  await fake.close();
});

const row = (id: string, changes: object = {}) => ({
  id,
  status: "healthy",
  last_poll_ago_secs: 0,
  in_flight: 0,
  max_concurrent: 4,
  ...changes,
});
const events = () => lines.map((line) => JSON.parse(line));
const eventsOf = (name: string) => events().filter(({ event }) => event === name);
const service = (name: string) => fake.services.get(names.agentService(name))!;

function stageOf(rotateAfterDays?: number): TokenStage {
  return {
    settings: {
      cluster: names.cluster,
      serverService: names.serverService,
      agentServicePrefix: "agent-",
      tokens: tokenSecrets({ agents: AGENTS }, names),
      ...(rotateAfterDays !== undefined && { rotateAfterDays }),
    },
    server: new DbwardClient({ url: fake.serverUrl }),
    secrets: new SecretsManagerClient(fake.client),
    ecs: new ECSClient(fake.client),
    logger: createLogger((line) => void lines.push(line)),
  };
}

function run(event: unknown, rotateAfterDays?: number, availableMs = 15 * MINUTE): Promise<void> {
  const publisher = new ApiPublisher(new CloudWatchClient(fake.client), "dev");
  return runTask(stageOf(rotateAfterDays), publisher, event, availableMs);
}
const check = (rotateAfterDays?: number) => run(TOKEN_CHECK_EVENTS.check, rotateAfterDays);
const rotate = (rotateAfterDays: number, availableMs?: number) =>
  run(TOKEN_CHECK_EVENTS.rotate, rotateAfterDays, availableMs);
const published = () =>
  Object.fromEntries(
    fake
      .of("PutMetricData")
      .at(-1)!
      .MetricData.map(({ MetricName, Value }: { MetricName: string; Value: number }) => [MetricName, Value]),
  );

describe("a check", () => {
  it("publishes that all tokens work, and the age of the oldest", async () => {
    fake.secrets.clear();
    handedOut.push(
      fake.addToken(ADMIN, "admin", 40),
      fake.addToken(METRICS, "cloudwatch-poller", 2),
      fake.addToken(APP, "agent", 99.5),
      fake.addToken(REPORTS, "reports"),
    );
    await check();
    expect(published()).toEqual({ TokensRefused: 0, OldestTokenAge: expect.closeTo(99.5, 3) });
    expect(fake.of("PutMetricData")[0]).toMatchObject({ Namespace: "Dbward" });
    expect(eventsOf("tokens.checked")[0].owners.app).toMatchObject({ verdict: "works" });
    expect(fake.requests.filter((request) => !request.startsWith("GET "))).toEqual([]);
    expect(fake.calls.map(({ operation }) => operation)).not.toContain("PutSecretValue");
  });

  it.each([
    ["the administrator's", ADMIN, "admin"],
    ["the poller's", METRICS, "metrics"],
    ["an agent's", REPORTS, "reports"],
  ])("counts %s token that the server refuses, and names its owner", async (_, secret, owner) => {
    fake.tokens.get(fake.value(secret)!)!.isActive = false;
    await check();
    expect(published()).toMatchObject({ TokensRefused: 1 });
    expect(eventsOf("tokens.refused")).toMatchObject([{ owner, secret, verdict: "refused" }]);
  });

  it("counts a secret without a token, and an agent's secret with a user's token", async () => {
    fake.store(METRICS, " ");
    fake.store(REPORTS, fake.value(ADMIN)!);
    await check();
    expect(published()).toMatchObject({ TokensRefused: 2 });
    expect(eventsOf("tokens.refused").map(({ verdict }) => verdict)).toEqual(["not captured", "refused"]);
  });

  it("reads a token again that a rotation replaced meanwhile", async () => {
    const former = fake.value(REPORTS)!;
    handedOut.push(fake.addToken(REPORTS, "reports"));
    const now = fake.secrets.get(REPORTS)!;
    fake.store(REPORTS, former);
    fake.tokens.get(former)!.isActive = false;
    const me = fake.tokens.get.bind(fake.tokens);
    fake.tokens.get = (token) => {
      // Between the two reads of the secret.
      if (token === former) fake.secrets.set(REPORTS, now);
      return me(token);
    };
    await check();
    expect(published()).toMatchObject({ TokensRefused: 0 });
  });

  it.each([
    [89, 0],
    [91.9, 0],
    [92.1, 4],
  ])("counts tokens of %d days as overdue when they are rotated after 90: %d", async (age, overdue) => {
    for (const [secret, subject] of [
      [ADMIN, "admin"],
      [METRICS, "cloudwatch-poller"],
      [APP, "agent"],
      [REPORTS, "reports"],
    ] as const)
      handedOut.push(fake.addToken(secret, subject, age));
    await check(90);
    expect(published()).toMatchObject({ TokensOverdue: overdue });
  });

  it("leaves a stage alone whose server was stopped on purpose", async () => {
    fake.services.get(names.serverService)!.desiredCount = 0;
    fake.ready = 503;
    await check();
    expect(fake.of("PutMetricData")).toEqual([]);
    expect(eventsOf("tokens.skipped")).toHaveLength(1);
  });

  it("publishes nothing when the server does not become ready, and fails", async () => {
    fake.ready = 503;
    await expect(run({}, undefined, 20_500)).rejects.toMatchObject({ code: "token-check-no-server" });
    expect(fake.of("PutMetricData")).toEqual([]);
  });
});

describe("a rotation", () => {
  const SECRETS = [ADMIN, METRICS, APP, REPORTS];

  it("does nothing without the setting, or while no token is old enough", async () => {
    await run(TOKEN_CHECK_EVENTS.rotate);
    await rotate(2);
    expect(fake.of("PutSecretValue")).toEqual([]);
    expect(fake.of("UpdateService")).toEqual([]);
    expect(fake.requests.filter((request) => request.startsWith("POST"))).toEqual([]);
  });

  it("replaces every token that is old enough, one after the other, and the administrator's last", async () => {
    const before = SECRETS.map((secret) => fake.value(secret)!);
    await rotate(1);
    expect(eventsOf("tokens.rotated")).toMatchObject([{ owners: ["metrics", "app", "reports", "admin"] }]);
    for (const [index, secret] of SECRETS.entries()) {
      expect(fake.value(secret)).not.toBe(before[index]);
      expect(fake.tokens.get(fake.value(secret)!)).toMatchObject({ isActive: true });
      expect(fake.labels(secret)).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
    }
    expect(fake.of("UpdateService")).toEqual([
      { cluster: names.cluster, service: "agent-app", forceNewDeployment: true },
      { cluster: names.cluster, service: "agent-reports", forceNewDeployment: true },
    ]);
    // Bootstrap tokens stay valid, and the log says so.
    expect(before.map((token) => fake.tokens.get(token)!.isActive)).toEqual([true, false, true, false]);
    expect(eventsOf("rotation.bootstrap-stays").map(({ owner }) => owner)).toEqual(["app", "admin"]);
    await rotate(1);
    expect(fake.of("UpdateService")).toHaveLength(2);
  });

  it("stores a token before anything depends on it, and revokes the former one last", async () => {
    handedOut.push(fake.addToken(REPORTS, "reports", 10));
    await rotate(5);
    const order = fake.calls
      .map(({ operation, input }) => `${operation} ${input.VersionStage ?? input.VersionStages ?? ""}`.trim())
      .filter((call) => /^(Put|Update)/.test(call));
    expect(order).toEqual([
      "PutSecretValue AWSPENDING",
      "UpdateSecretVersionStage AWSCURRENT",
      "UpdateService",
      expect.stringMatching(/^UpdateSecretVersionStage rollout:ecs-svc/),
      expect.stringMatching(/^UpdateSecretVersionStage rollout:ecs-svc/),
      "UpdateSecretVersionStage AWSPENDING",
    ]);
    const revoked = fake.requests.findIndex((request) => request.startsWith("DELETE /api/tokens"));
    expect(fake.requests.slice(0, revoked)).toContain("GET /api/agents");
  });

  it("ends with its time, and the next run waits for the same deployment", async () => {
    handedOut.push(fake.addToken(REPORTS, "reports", 10));
    const former = fake.value(REPORTS)!;
    fake.deploymentState = () => "IN_PROGRESS";
    expect(await rotateDue(stageOf(), 5, Deadline.after(1_500), { agent: 0, other: 0 })).toEqual([]);
    expect(eventsOf("rotation.continues")).toMatchObject([{ owner: "reports" }]);
    expect(fake.tokens.get(former)!.isActive).toBe(true);
    expect(fake.labels(REPORTS)).toContain("AWSPENDING");
    fake.deploymentState = () => "COMPLETED";
    await rotate(5);
    expect(fake.of("UpdateService")).toHaveLength(1);
    expect(fake.tokens.get(former)!.isActive).toBe(false);
    expect(fake.labels(REPORTS)).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
  });

  it.each([
    ["before a request is carried out", false],
    ["before its answer arrives", true],
  ])(
    "can be cut off %s, at any request, and the next run ends it",
    { timeout: 10 * MINUTE },
    async (_, afterwards) => {
      for (const { name } of AGENTS) Object.assign(service(name), { desiredCount: 0, runningCount: 0 });
      const subjects = {
        [ADMIN]: "admin",
        [METRICS]: "cloudwatch-poller",
        [APP]: "agent",
        [REPORTS]: "reports",
      };
      const active = (subject: string) =>
        [...fake.tokens.values()].filter(
          (token) => token.subject === subject && token.isActive && !token.isBootstrap,
        );
      for (let at = 0; ; at++) {
        const before = SECRETS.map((secret) => fake.value(secret)!);
        fake.cut = { in: at, afterwards };
        const isComplete = await rotateDue(stageOf(), 0, Deadline.after(MINUTE), { agent: 0, other: 0 }).then(
          () => fake.cut!.in >= 0,
          () => false,
        );
        fake.cut = undefined;
        if (isComplete) {
          expect(at).toBeGreaterThan(80);
          break;
        }
        // The tokens that their owners would read now.
        for (const secret of SECRETS)
          expect(fake.tokens.get(fake.value(secret)!), `${secret}, cut at ${at}`).toMatchObject({
            isActive: true,
          });
        await rotateDue(stageOf(), 0, Deadline.after(MINUTE), { agent: 0, other: 0 });
        for (const [index, secret] of SECRETS.entries()) {
          expect(fake.value(secret)).not.toBe(before[index]);
          expect(fake.labels(secret), `${secret}, cut at ${at}`).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
          expect(active(subjects[secret]!), `${secret}, cut at ${at}`).toHaveLength(1);
          expect(fake.tokens.get(fake.value(secret)!)).toMatchObject({
            isActive: true,
            subject: subjects[secret],
          });
        }
        // A run forgets what it can no longer need; the tokens of so many runs would make the test slow.
        for (const [value, { isActive }] of fake.tokens) if (!isActive) fake.tokens.delete(value);
      }
    },
  );

  it("keeps the former token when the new tasks fail, holds the others up, and begins anew in the next run", async () => {
    const former = fake.value(REPORTS)!;
    fake.agents = [row("agent", { in_flight: 1 }), row("reports")];
    fake.deploymentState = () => "FAILED";
    await expect(rotate(0.5)).rejects.toMatchObject({ code: "token-rotation-failed" });
    expect(fake.tokens.get(former)!.isActive).toBe(true);
    expect(fake.value(ADMIN)).toBe(handedOut[0]);
    fake.deploymentState = () => "COMPLETED";
    await rotate(0.5);
    expect(fake.of("UpdateService")).toHaveLength(2);
    expect(fake.tokens.get(former)!.isActive).toBe(false);
  });

  it.each([
    [
      "executes requests",
      () => (fake.agents = [row("agent"), row("reports", { in_flight: 2 })]),
      /executing/,
    ],
    [
      "is being deployed",
      () => {
        fake.deploymentState = () => "IN_PROGRESS";
        service("reports").deployments[0].rolloutState = "IN_PROGRESS";
      },
      /deployment/,
    ],
    ["has no service", () => fake.services.delete("agent-reports"), /no service/],
  ])("leaves an agent alone that %s", async (_, hinder, reason) => {
    handedOut.push(fake.addToken(REPORTS, "reports", 10));
    hinder();
    await rotate(9.5);
    expect(fake.of("PutSecretValue")).toEqual([]);
    expect(eventsOf("rotation.postponed")).toMatchObject([
      { owner: "reports", reason: expect.stringMatching(reason) },
    ]);
  });

  it("waits for a busy agent no longer than a day", async () => {
    handedOut.push(fake.addToken(REPORTS, "reports", 10));
    fake.agents = [row("agent"), row("reports", { in_flight: 2 })];
    await rotate(8.9);
    expect(eventsOf("tokens.rotated")).toMatchObject([{ owners: ["reports"] }]);
  });

  it("has nobody to wait for when an agent is scaled to 0", async () => {
    handedOut.push(fake.addToken(REPORTS, "reports", 10));
    Object.assign(service("reports"), { desiredCount: 0, runningCount: 0 });
    fake.agents = [];
    const former = fake.value(REPORTS)!;
    await rotate(5);
    expect(fake.tokens.get(former)!.isActive).toBe(false);
  });

  it("begins nothing for which there is no time", async () => {
    await rotate(0.5, 30_000);
    expect(fake.of("PutSecretValue")).toEqual([]);
    expect(eventsOf("rotation.postponed")).toMatchObject([{ owner: "metrics" }]);
  });

  it("repairs the poller's token that a rotation left refused", async () => {
    fake.tokens.get(fake.value(METRICS)!)!.isActive = false;
    await rotate(100);
    expect(fake.tokens.get(fake.value(METRICS)!)).toMatchObject({
      isActive: true,
      subject: "cloudwatch-poller",
    });
  });

  it("says what to run when the server refuses the administrator's token", async () => {
    fake.tokens.get(fake.value(ADMIN)!)!.isActive = false;
    await expect(rotate(0.5)).rejects.toThrow(/pnpm ops tokens recover/);
    expect(fake.of("PutSecretValue")).toEqual([]);
  });

  it("discards a pending token that the server does not know", async () => {
    handedOut.push(fake.addToken(REPORTS, "reports", 10));
    const lost = newToken();
    handedOut.push(lost);
    fake.secrets
      .get(REPORTS)!
      .set("lost", { value: lost, createdAt: Date.now(), labels: new Set(["AWSPENDING"]) });
    await rotate(100);
    expect(fake.value(REPORTS)).not.toBe(lost);
    expect(fake.tokens.get(fake.value(REPORTS)!)).toMatchObject({ isActive: true });
  });
});
