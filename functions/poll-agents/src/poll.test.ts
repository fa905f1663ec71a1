import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  ESSENTIAL_METRICS,
  type ExpectedAgent,
  METRICS,
  type MonitoringLevel,
  POLLER_LIMITS,
} from "@dbward-aws/contract";
import { createLogger } from "@dbward-aws/core";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { ApiPublisher, EmfPublisher, type MetricPublisher, PublishError } from "@dbward-aws/metric-publisher";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentScaler } from "./agent-scaler.ts";
import { type Poller, poll } from "./poll.ts";
import { scaleAgents } from "./scale-agents.ts";
import { AwaitedServices, countTasks } from "./task-counts.ts";
import { FakeAws, type Json } from "./test-support/fake-aws.ts";
import { agentRow, FakeDbward, metricsBody } from "./test-support/fake-dbward.ts";
import { TokenSource } from "./token-source.ts";

const OLD = `dbw_${"0badcafe".repeat(4)}`;
const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;

const expected = (name: string, subject = name, desiredCount = 1): ExpectedAgent => ({
  name,
  subject,
  desiredCount,
});
/** The first has the bootstrap token, whose subject is `agent`. */
const AGENTS = [expected("payments", "agent", 2), expected("b")];

let dbward: FakeDbward;
let aws: FakeAws;
let lines: string[];
let client: DbwardClient;
let poller: Poller;

const service = (name: string, desired: number, running: number) => ({
  serviceName: name,
  desiredCount: desired,
  runningCount: running,
});

beforeEach(async () => {
  dbward = await FakeDbward.start({
    "/ready": () => ({ body: { status: "ok", checks: { sqlite: "ok" } } }),
    "/api/agents": () => ({
      body: {
        agents: [
          agentRow("gone", { status: "offline", last_poll_ago_secs: 4_000, in_flight: 0 }),
          agentRow("agent"),
          agentRow("b", { status: "offline", last_poll_ago_secs: 75, in_flight: 0 }),
        ],
      },
    }),
    "/metrics": () => ({ body: metricsBody({ pending: 3, approved: 2, dispatched: 1, running: 1 }) }),
  });
  dbward.tokens.add(TOKEN);
  aws = await FakeAws.start({
    GetSecretValue: () => ({ body: { SecretString: TOKEN } }),
    DescribeServices: () => ({
      body: {
        services: [service("server", 1, 1), service("agent-payments", 2, 2), service("agent-b", 1, 0)],
      },
    }),
    PutMetricData: () => ({ body: {} }),
  });
  lines = [];
  client = new DbwardClient({ url: dbward.url });
  poller = createPoller();
});

afterEach(async () => {
  client.close();
  await Promise.all([dbward.close(), aws.close()]);
  expect(lines.join("\n")).not.toMatch(/dbw_[0-9a-f]/);
});

function createPoller(
  changes: {
    agents?: readonly ExpectedAgent[];
    perAgentMetrics?: number;
    level?: MonitoringLevel;
    publisher?: MetricPublisher;
    url?: string;
  } = {},
): Poller {
  const ecs = new ECSClient(aws.client);
  const { agents = AGENTS, perAgentMetrics = 0 } = changes;
  const services = AGENTS.map(({ name, desiredCount }) => ({
    agent: name,
    name: `agent-${name}`,
    desiredCount,
  }));
  const names = { cluster: "dbward-dev", server: "server", agents: services };
  const scaler = new AgentScaler(agents);
  const logger = createLogger((line) => lines.push(line));
  return {
    scale: (snapshot, deadline) => scaleAgents(ecs, names, scaler.steps(snapshot), logger, deadline),
    settings: { agents, level: changes.level ?? "full", perAgentMetrics },
    sources: {
      server: changes.url === undefined ? client : new DbwardClient({ url: changes.url }),
      tokens: new TokenSource(new SecretsManagerClient(aws.client), "dbward/dev/metrics-token"),
      countTasks: (deadline) => countTasks(ecs, names, deadline, new AwaitedServices()),
    },
    publisher: changes.publisher ?? new ApiPublisher(new CloudWatchClient(aws.client), "dev"),
    logger,
  };
}

describe("an agent with bounds", () => {
  const scaled = [{ ...expected("payments", "agent", 2), scaling: { min: 2, max: 5 } }, expected("b")];
  const LOAD = metricsBody({ pending: 3, approved: 2, dispatched: 14, running: 4 });

  it("gets more tasks when more requests wait than they can take", async () => {
    aws.answers.UpdateService = () => ({ body: {} });
    dbward.answers["/metrics"] = () => ({ body: LOAD });
    await poll(createPoller({ agents: scaled }));
    expect(aws.of("UpdateService")).toEqual([
      { cluster: "dbward-dev", service: "agent-payments", desiredCount: 5 },
    ]);
    expect(lines.join("\n")).toContain('"event":"agent.scaled","agent":"payments","from":2,"to":5');
  });

  it("is still measured when ECS refuses the change", async () => {
    aws.answers.UpdateService = () => ({ status: 400, body: { __type: "AccessDeniedException" } });
    dbward.answers["/metrics"] = () => ({ body: LOAD });
    await poll(createPoller({ agents: scaled }));
    expect(lines.join("\n")).toMatch(/"level":"warn","event":"agent.scaling-failed".*AccessDenied/);
    expect(published()).toMatchObject({ QueueDepth: 14 });
  });
});

/** The data of the last PutMetricData: values by name, with the further dimension in front. */
function published(): Json {
  const data = aws.of("PutMetricData").at(-1)!.MetricData as Json[];
  return Object.fromEntries(
    data.map(({ MetricName, Dimensions, Value, StatisticValues, Values, Counts }) => {
      const further = Dimensions.slice(1).map(
        ({ Name, Value }: { Name: string; Value: string }) => `${Name}=${Value} `,
      );
      return [
        `${further.join("")}${MetricName}`,
        Value ??
          StatisticValues ??
          Object.fromEntries(Values.map((value: number, at: number) => [value, Counts[at]])),
      ];
    }),
  );
}

const failures = () => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "poll.failure");

describe("a complete snapshot", () => {
  it("has only the essential metrics and those of single agents at the level essential", async () => {
    await poll(createPoller({ level: "essential", perAgentMetrics: 1 }));
    const { MetricData } = aws.of("PutMetricData")[0] as { MetricData: Json[] };
    const names = MetricData.map(({ MetricName }) => MetricName as string);
    expect(new Set(names)).toEqual(new Set([...ESSENTIAL_METRICS, "AgentsInFlight", "OldestAgentPollAge"]));
  });

  it("is published by one call", async () => {
    await poll(poller);
    expect(published()).toEqual({
      ServerReachable: 1,
      PollerHindrances: 0,
      TokenAccepted: 1,
      PollDuration: expect.any(Number),
      PollFailures: 0,
      ServerReady: 1,
      ServerDraining: 0,
      QueueDepth: 1,
      RequestsPending: 3,
      RequestsApproved: 2,
      RequestsDispatched: 1,
      RequestsRunning: 1,
      RequestsOther: 0,
      BreakGlassUses: 0,
      BreakGlassAuditFailures: 0,
      BackgroundPanics: 0,
      AgentsHealthy: 1,
      AgentsSaturated: 0,
      AgentsDraining: 0,
      AgentsOffline: 1,
      AgentsOther: 0,
      AgentsUnexpected: 1,
      AgentsInFlight: 1,
      OldestAgentPollAge: 75,
      AgentPollAge: { Minimum: 0, Maximum: 75, Sum: 75, SampleCount: 2 },
      AgentUtilization: { 25: 1 },
      AgentCapacity: 8,
      AgentCapacityByTasks: 1,
      ServerTasksDesired: 1,
      ServerTasksRunning: 1,
      AgentTasksDesired: 3,
      AgentTasksRunning: 2,
      DeploymentsRunning: 0,
    });
    const [call] = aws.of("PutMetricData");
    expect(call).toMatchObject({ Namespace: "Dbward" });
    for (const { MetricName, Unit, Dimensions } of call!.MetricData) {
      expect(Unit).toBe(METRICS[MetricName as keyof typeof METRICS].unit);
      expect(Dimensions[0]).toEqual({ Name: "Stage", Value: "dev" });
    }
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(["poll.done"]);
  });

  it("measures every metric of the table", async () => {
    await poll(poller);
    expect(Object.keys(published()).sort()).toEqual(Object.keys(METRICS).sort());
  });

  it.each([1, 100, 10_000])("needs the same number of calls and metrics with %i agents", async (count) => {
    const agents = Array.from({ length: count }, (_, index) =>
      agentRow(`agent-${index}`, { in_flight: index % 5 }),
    );
    dbward.answers["/api/agents"] = () => ({ body: { agents } });
    await poll(createPoller({ agents: agents.map(({ id }) => expected(id)) }));
    expect(aws.calls.map(({ operation }) => operation).sort()).toEqual([
      "DescribeServices",
      "GetSecretValue",
      "PutMetricData",
    ]);
    expect(dbward.paths.toSorted()).toEqual(["/api/agents", "/metrics", "/ready"]);
    expect(Object.keys(published())).toHaveLength(Object.keys(METRICS).length);
    expect(published()).toMatchObject({ AgentsHealthy: count });
  });

  it("counts statuses of a later version", async () => {
    dbward.answers["/api/agents"] = () => ({
      body: {
        agents: [agentRow("agent", { status: "resting" }), agentRow("b", { status: "constructor" })],
      },
    });
    dbward.answers["/metrics"] = () => ({ body: metricsBody({ pending: 1, parked: 2 }) });
    await poll(poller);
    expect(published()).toMatchObject({
      AgentsOther: 2,
      AgentsHealthy: 0,
      RequestsPending: 1,
      RequestsOther: 2,
    });
  });

  it("leaves out the agents' metrics when no agent is expected", async () => {
    dbward.answers["/api/agents"] = () => ({ body: { agents: [] } });
    await poll(createPoller({ agents: [] }));
    const names = Object.keys(published());
    expect(published()).toMatchObject({ AgentsHealthy: 0, AgentsOffline: 0, AgentsUnexpected: 0 });
    for (const name of ["AgentCapacity", "OldestAgentPollAge", "AgentPollAge", "AgentUtilization"])
      expect(names).not.toContain(name);
  });
});

describe("the queue", () => {
  it("is the number of dispatched requests: an approved request waits for its requester", async () => {
    dbward.answers["/metrics"] = () => ({
      body: metricsBody({ pending: 0, approved: 1, dispatched: 0, running: 0 }),
    });
    await poll(poller);
    expect(published()).toMatchObject({ QueueDepth: 0, RequestsApproved: 1, RequestsDispatched: 0 });
  });
});

describe("break-glass", () => {
  it("is measured as dbward counts it: attempts to change a schema by it too", async () => {
    const counters = "dbward_break_glass_total 1\ndbward_break_glass_ddl_attempted_total 2\n";
    dbward.answers["/metrics"] = () => ({ body: `dbward_requests_current{status="pending"} 0\n${counters}` });
    await poll(poller);
    expect(published()).toMatchObject({ BreakGlassUses: 3 });
    expect(published()).not.toHaveProperty("BackgroundPanics");
  });
});

describe("the stage's agents", () => {
  const rows = (...agents: object[]) => {
    dbward.answers["/api/agents"] = () => ({ body: { agents } });
  };
  const offline = { status: "offline", last_poll_ago_secs: 4_000, in_flight: 0 };
  const services = (...answer: object[]) => {
    aws.answers.DescribeServices = () => ({ body: { services: [service("server", 1, 1), ...answer] } });
  };

  it("are offline when they have no row", async () => {
    rows(agentRow("agent"));
    await poll(poller);
    expect(published()).toMatchObject({ AgentsOffline: 1, AgentsHealthy: 1, OldestAgentPollAge: 9_999 });
  });

  it("are not those of other rows", async () => {
    rows(agentRow("agent"), agentRow("b"), agentRow("gone", offline), agentRow("elsewhere"));
    await poll(createPoller({ perAgentMetrics: 50 }));
    const values = published();
    expect(values).toMatchObject({
      AgentsHealthy: 2,
      AgentsOffline: 0,
      AgentsUnexpected: 2,
      AgentsInFlight: 2,
      AgentCapacity: 12,
      OldestAgentPollAge: 0,
    });
    const named = Object.keys(values).flatMap((name) => /^Agent=(\S+)/.exec(name)?.[1] ?? []);
    expect([...new Set(named)]).toEqual(["b", "payments"]);
  });

  it("are identified by the subjects of their tokens, not by their names", async () => {
    rows(agentRow("payments"), agentRow("b"));
    await poll(poller);
    expect(published()).toMatchObject({ AgentsHealthy: 1, AgentsOffline: 1, AgentsUnexpected: 1 });
  });

  it("are offline when a user scaled their service to 0", async () => {
    rows(agentRow("agent"), agentRow("b", offline));
    services(service("agent-payments", 2, 2), service("agent-b", 0, 0));
    await poll(poller);
    expect(published()).toMatchObject({ AgentsOffline: 1, AgentTasksDesired: 2 });
  });

  it.each([
    ["has no row", []],
    ["is offline", [agentRow("b", offline)]],
  ])("are left out when the settings want no task of them: it %s", async (_, own) => {
    rows(agentRow("agent"), ...own);
    await poll(createPoller({ agents: [expected("payments", "agent"), expected("b", "b", 0)] }));
    expect(published()).toMatchObject({ AgentsOffline: 0, AgentsUnexpected: 0, OldestAgentPollAge: 0 });
  });

  it("count when they poll, although the settings want no task of them", async () => {
    rows(agentRow("agent"), agentRow("b"));
    await poll(createPoller({ agents: [expected("payments", "agent"), expected("b", "b", 0)] }));
    expect(published()).toMatchObject({ AgentsHealthy: 2, AgentsUnexpected: 0 });
  });

  it.each([
    ["being deleted", [{ ...service("agent-b", 0, 0), status: "DRAINING" }], 2],
    ["deleted", [{ ...service("agent-b", 0, 0), status: "INACTIVE" }], 3],
    ["gone", [], 3],
  ])("only lack their tasks when their service is %s", async (_, own, desired) => {
    rows(agentRow("agent"), agentRow("b", offline));
    services(service("agent-payments", 2, 2), ...own);
    await poll(poller);
    expect(published()).toMatchObject({
      AgentsOffline: 0,
      AgentsUnexpected: 0,
      PollFailures: 0,
      AgentTasksDesired: desired,
      AgentTasksRunning: 2,
    });
  });
});

describe("per-agent metrics", () => {
  it("are those of the first agents by name, and of all others together", async () => {
    const agents = [
      agentRow("d"),
      agentRow("größe"),
      agentRow("agent"),
      agentRow("c", { status: "offline", last_poll_ago_secs: 99, in_flight: 0 }),
      agentRow("e"),
    ];
    dbward.answers["/api/agents"] = () => ({ body: { agents } });
    const own = [expected("e"), expected("d"), expected("c"), expected("b", "agent")];
    await poll(createPoller({ agents: own, perAgentMetrics: 2 }));
    const values = Object.entries(published()).filter(([name]) => name.startsWith("Agent="));
    expect(Object.fromEntries(values)).toEqual({
      "Agent=b AgentsInFlight": 1,
      "Agent=b AgentCapacity": 4,
      "Agent=b OldestAgentPollAge": 0,
      "Agent=c AgentsInFlight": 0,
      "Agent=c AgentCapacity": 0,
      "Agent=c OldestAgentPollAge": 99,
      "Agent=other AgentsInFlight": 2,
      "Agent=other AgentCapacity": 8,
      "Agent=other OldestAgentPollAge": 0,
    });
  });

  it("fit into one call at their maximum", async () => {
    const agents = Array.from({ length: 10_000 }, (_, index) => agentRow(`agent-${index}`));
    dbward.answers["/api/agents"] = () => ({ body: { agents } });
    const own = agents.map(({ id }) => expected(id));
    await poll(createPoller({ agents: own, perAgentMetrics: POLLER_LIMITS.maxPerAgentMetrics }));
    expect(aws.of("PutMetricData")).toHaveLength(1);
    const perAgent = Object.keys(published()).filter((name) => name.startsWith("Agent="));
    expect(perAgent).toHaveLength(3 * (POLLER_LIMITS.maxPerAgentMetrics + 1));
  });
});

describe("the token", () => {
  it("is read once", async () => {
    await poll(poller);
    await poll(poller);
    expect(aws.of("GetSecretValue")).toHaveLength(1);
  });

  it("is read again when it is refused, and the poll is complete", async () => {
    let value = OLD;
    aws.answers.GetSecretValue = () => ({ body: { SecretString: value } });
    dbward.tokens.add(OLD);
    await poll(poller);
    dbward.tokens.delete(OLD);
    value = TOKEN;
    await poll(poller);
    expect(published()).toMatchObject({ TokenAccepted: 1, PollFailures: 0, AgentsHealthy: 1 });
    expect(aws.of("GetSecretValue")).toHaveLength(2);
  });

  it("is measured as refused when the secret still contains it, and read again at the next poll", async () => {
    dbward.tokens.clear();
    await poll(poller);
    expect(published()).toMatchObject({
      ServerReachable: 1,
      ServerReady: 1,
      TokenAccepted: 0,
      PollFailures: 1,
      "Reason=token-refused PollFailures": 1,
    });
    expect(Object.keys(published())).not.toContain("QueueDepth");
    expect(dbward.paths.filter((path) => path === "/metrics")).toHaveLength(1);
    expect(failures()[0]).toMatchObject({
      source: "agents",
      reason: "token-refused",
      status: 401,
      apiCode: "unauthorized",
    });
    dbward.tokens.add(TOKEN);
    await poll(poller);
    expect(published()).toMatchObject({ TokenAccepted: 1, PollFailures: 0 });
  });

  it("is measured as refused when it lacks the permission", async () => {
    dbward.answers["/api/agents"] = () => ({
      status: 403,
      body: { error: "permission denied", code: "forbidden" },
    });
    await poll(poller);
    expect(published()).toMatchObject({
      TokenAccepted: 0,
      QueueDepth: 1,
      "Reason=token-refused PollFailures": 1,
    });
  });

  it.each([
    [
      "the secret is empty",
      () => ({ status: 400, body: { __type: "ResourceNotFoundException", message: "no value" } }),
    ],
    ["the secret holds no text", () => ({ body: { SecretString: " \n" } })],
  ])("is missing when %s", async (_, answer) => {
    aws.answers.GetSecretValue = answer;
    await poll(poller);
    expect(published()).toMatchObject({
      ServerReachable: 1,
      TokenAccepted: 0,
      "Reason=token-missing PollFailures": 1,
    });
    expect(dbward.paths).toEqual(["/ready"]);
  });

  it("is not measured when Secrets Manager does not answer", async () => {
    aws.answers.GetSecretValue = () => ({
      status: 400,
      body: { __type: "AccessDeniedException", message: "no" },
    });
    await poll(poller);
    expect(Object.keys(published())).not.toContain("TokenAccepted");
    expect(published()).toMatchObject({
      ServerReachable: 1,
      PollerHindrances: 1,
      "Reason=secrets PollFailures": 1,
    });
  });
});

describe("failures of the server", () => {
  const only = (reason: string) => ({ PollFailures: 1, [`Reason=${reason} PollFailures`]: 1 });

  it("measures a closed port", async () => {
    const gone = await FakeDbward.start({});
    await gone.close();
    await poll(createPoller({ url: gone.url }));
    expect(published()).toEqual({
      ...only("refused"),
      ServerReachable: 0,
      PollerHindrances: 0,
      PollDuration: expect.any(Number),
      ServerTasksDesired: 1,
      ServerTasksRunning: 1,
      AgentTasksDesired: 3,
      AgentTasksRunning: 2,
      DeploymentsRunning: 0,
    });
  });

  it("measures a name that does not resolve", async () => {
    await poll(createPoller({ url: "http://dbward.invalid" }));
    expect(published()).toMatchObject({ ...only("dns"), ServerReachable: 0 });
  });

  it("measures a server that does not answer, within the time limit", async () => {
    for (const path of Object.keys(dbward.answers)) dbward.answers[path] = () => undefined;
    await poll(poller, 200);
    expect(published()).toMatchObject({ ...only("timeout"), ServerReachable: 0 });
  });

  it("tries again when there was no answer, and measures no failure", async () => {
    const answer = dbward.answers["/ready"]!;
    dbward.answers["/ready"] = () => {
      dbward.answers["/ready"] = answer;
      return undefined;
    };
    await poll(poller, 3_000);
    expect(published()).toMatchObject({ PollFailures: 0, ServerReachable: 1, ServerReady: 1 });
    expect(dbward.paths.filter((path) => path === "/ready")).toHaveLength(2);
  });

  it("keeps the answer of one path when another does not answer", async () => {
    dbward.answers["/api/agents"] = () => undefined;
    await poll(poller, 1_000);
    expect(published()).toMatchObject({
      ...only("timeout"),
      ServerReachable: 1,
      TokenAccepted: 1,
      QueueDepth: 1,
    });
    expect(failures()).toMatchObject([{ source: "agents", reason: "timeout" }]);
  });

  it("measures 5xx", async () => {
    for (const path of Object.keys(dbward.answers))
      dbward.answers[path] = () => ({ status: 500, body: "oops" });
    await poll(poller);
    expect(published()).toMatchObject({ ...only("server-error"), ServerReachable: 1, ServerReady: 0 });
    expect(Object.keys(published())).not.toContain("TokenAccepted");
  });

  it("does not measure a draining server as an outage", async () => {
    dbward.answers["/ready"] = () => ({ status: 503, body: { status: "draining" } });
    await poll(poller);
    expect(published()).toMatchObject({
      ServerReachable: 1,
      ServerReady: 1,
      ServerDraining: 1,
      PollFailures: 0,
    });
  });

  it("measures a degraded server", async () => {
    dbward.answers["/ready"] = () => ({
      status: 503,
      body: { status: "degraded", checks: { sqlite: "error" } },
    });
    await poll(poller);
    expect(published()).toMatchObject({
      ServerReachable: 1,
      ServerReady: 0,
      ServerDraining: 0,
      PollFailures: 0,
    });
  });

  it("measures an answer that can't be read", async () => {
    dbward.answers["/api/agents"] = () => ({ body: `<html>${TOKEN}` });
    dbward.answers["/metrics"] = () => ({ body: "<html>" });
    await poll(poller);
    expect(published()).toMatchObject({ ...only("malformed"), ServerReachable: 1, ServerReady: 1 });
  });

  it.each<[string, string]>([
    [
      "numbers that no count reaches",
      '{"agents":[{"id":"a","status":"healthy","last_poll_ago_secs":1e308,"in_flight":0,"max_concurrent":4}]}',
    ],
    ["lists in lists", "[".repeat(2_000_000)],
    ["objects in objects", '{"agents":'.repeat(300_000)],
    ["more than 4 MiB", JSON.stringify({ agents: [], more: "x".repeat(4 << 20) })],
  ])("measures an answer of %s as malformed", { timeout: 60_000 }, async (_what, body) => {
    dbward.answers["/api/agents"] = () => ({ body });
    await poll(poller);
    expect(published()).toMatchObject({ PollFailures: 1, QueueDepth: 1, ServerReachable: 1 });
    expect(Object.keys(published())).not.toContain("AgentsInFlight");
  });

  it("measures a redirect", async () => {
    dbward.answers["/metrics"] = () => ({ status: 301, body: "" });
    await poll(poller);
    expect(published()).toMatchObject({ ...only("redirect"), AgentsHealthy: 1 });
  });
});

describe("ECS", () => {
  it("is called for ten services at a time", async () => {
    const agents = Array.from({ length: 12 }, (_, index) => ({
      agent: `${index}`,
      name: `agent-${index}`,
      desiredCount: 2,
    }));
    aws.answers.DescribeServices = ({ services }) => ({
      body: { services: services.map((name: string) => service(name, 2, 1)) },
    });
    const ecs = new ECSClient(aws.client);
    const names = { cluster: "c", server: "server", agents };
    await poll({
      ...poller,
      sources: {
        ...poller.sources,
        countTasks: (deadline) => countTasks(ecs, names, deadline, new AwaitedServices()),
      },
    });
    expect(aws.of("DescribeServices").map(({ services }) => services.length)).toEqual([10, 3]);
    expect(published()).toMatchObject({
      ServerTasksRunning: 1,
      AgentTasksDesired: 24,
      AgentTasksRunning: 12,
    });
  });

  it.each([
    ["refuses", () => ({ status: 400, body: { __type: "AccessDeniedException", message: "no" } })],
    [
      "doesn't know the server's service",
      () => ({ body: { services: [service("agent-b", 1, 1)], failures: [{ reason: "MISSING" }] } }),
    ],
  ])("is left out when it %s, and the capacity is that of the rows", async (_, answer) => {
    aws.answers.DescribeServices = answer;
    await poll(poller);
    expect(published()).toMatchObject({
      "Reason=ecs PollFailures": 1,
      ServerReachable: 1,
      AgentCapacity: 4,
      AgentCapacityByTasks: 0,
    });
    expect(Object.keys(published())).not.toContain("ServerTasksRunning");
  });
});

describe("deployments", () => {
  it.each([
    ["in progress and young", "IN_PROGRESS", 60, 50, 1],
    ["in progress for too long", "IN_PROGRESS", 901, 10, 0],
    ["just completed", "COMPLETED", 200, 110, 1],
    ["completed a while ago", "COMPLETED", 200, 130, 0],
    ["begun long ago and completed late", "COMPLETED", 901, 10, 0],
    ["failed", "FAILED", 60, 10, 0],
  ])("%s", async (_, rolloutState, createdSecondsAgo, updatedSecondsAgo, count) => {
    const ago = (seconds: number) => Date.now() / 1000 - seconds;
    const deployment = {
      status: "PRIMARY",
      rolloutState,
      createdAt: ago(createdSecondsAgo),
      updatedAt: ago(updatedSecondsAgo),
    };
    aws.answers.DescribeServices = () => ({
      body: {
        services: [
          { ...service("server", 1, 0), deployments: [deployment] },
          service("agent-payments", 2, 2),
          service("agent-b", 1, 0),
        ],
      },
    });
    await poll(poller);
    expect(published()).toMatchObject({ DeploymentsRunning: count, ServerTasksRunning: 0 });
  });

  it("counts a service that is about to be created, and its agent is not offline", async () => {
    dbward.answers["/api/agents"] = () => ({ body: { agents: [] } });
    aws.answers.DescribeServices = () => ({
      body: { services: [service("server", 1, 1)], failures: [{ reason: "MISSING" }] },
    });
    await poll(poller);
    expect(published()).toMatchObject({ DeploymentsRunning: 2, AgentsOffline: 0, AgentTasksRunning: 0 });
  });
});

describe("a service that ECS does not have", () => {
  const minutes = (count: number) => count * 60_000;

  it("is about to be created for five minutes, and then missing", () => {
    const awaited = new AwaitedServices();
    const found = new Set(["server"]);
    expect(awaited.among(["server", "agent-app"], found, 0)).toEqual(["agent-app"]);
    expect(awaited.among(["server", "agent-app"], found, minutes(5) - 1)).toEqual(["agent-app"]);
    expect(awaited.among(["server", "agent-app"], found, minutes(5))).toEqual([]);
  });

  it("is missing at once when it existed before: ECS forgets deleted services", () => {
    const awaited = new AwaitedServices();
    expect(awaited.among(["agent-app"], new Set(["agent-app"]), 0)).toEqual([]);
    expect(awaited.among(["agent-app"], new Set(), minutes(60))).toEqual([]);
  });
});

describe("publishing", () => {
  it("fails the function when CloudWatch refuses the call", async () => {
    aws.answers.PutMetricData = () => ({ status: 400, body: { __type: "AccessDenied", message: "no" } });
    await expect(poll(poller)).rejects.toBeInstanceOf(PublishError);
  });

  it("loses one rejected datum, and no other", async () => {
    aws.answers.PutMetricData = ({ MetricData }) =>
      MetricData.some(({ MetricName }: Json) => MetricName === "AgentsInFlight")
        ? { status: 400, body: { __type: "InvalidParameterValueException", message: "no" } }
        : { body: {} };
    await expect(poll(poller)).rejects.toThrow(/^Publishing 1 of \d+ measurements to CloudWatch failed/);
    const names = aws
      .of("PutMetricData")
      .filter(({ MetricData }) => !MetricData.some(({ MetricName }: Json) => MetricName === "AgentsInFlight"))
      .flatMap(({ MetricData }) => MetricData.map(({ MetricName }: Json) => MetricName));
    expect(new Set(names).size).toBe(names.length);
    expect([...new Set(names), "AgentsInFlight"].sort()).toEqual(Object.keys(METRICS).sort());
  });

  it("fails the function after an error of its own", async () => {
    const broken = { ...poller.sources, countTasks: () => Promise.reject(new TypeError("a bug")) };
    await expect(poll({ ...poller, sources: broken })).rejects.toThrow("a bug");
  });

  it("writes the same values in embedded metric format", async () => {
    const written: Json[] = [];
    dbward.answers["/api/agents"] = () => ({ body: "nonsense" });
    await poll(
      createPoller({
        publisher: new EmfPublisher("dev", async (line) => void written.push(JSON.parse(line))),
      }),
    );
    expect(written).toHaveLength(2);
    const [all, reason] = written as [Json, Json];
    expect(all).toMatchObject({ Stage: "dev", QueueDepth: 1, ServerReachable: 1, PollFailures: 1 });
    expect(all._aws.CloudWatchMetrics[0]).toMatchObject({ Namespace: "Dbward", Dimensions: [["Stage"]] });
    for (const { Name, Unit } of all._aws.CloudWatchMetrics[0].Metrics) {
      expect(Unit).toBe(METRICS[Name as keyof typeof METRICS].unit);
      expect(all).toHaveProperty(Name);
    }
    expect(reason).toMatchObject({ Stage: "dev", Reason: "malformed", PollFailures: 1 });
    expect(reason._aws.CloudWatchMetrics[0].Dimensions).toEqual([["Stage", "Reason"]]);
    expect(aws.of("PutMetricData")).toHaveLength(0);
  });

  it("writes distributions as sets", async () => {
    const written: Json[] = [];
    await poll(
      createPoller({
        publisher: new EmfPublisher("dev", async (line) => void written.push(JSON.parse(line))),
      }),
    );
    expect(written[0]).toMatchObject({
      AgentPollAge: { Min: 0, Max: 75, Sum: 75, Count: 2 },
      AgentUtilization: { Values: [25], Counts: [1], Min: 25, Max: 25, Sum: 25, Count: 1 },
    });
  });
});
