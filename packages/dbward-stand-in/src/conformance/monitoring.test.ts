import { describe, expect, it } from "vitest";
import { mintAgent, ONE_ROW, poll, report } from "./support/agent-calls.ts";
import type { Api } from "./support/api.ts";
import { useServer } from "./support/cast.ts";
import { expectStatus } from "./support/server.ts";

const cast = useServer();

const rows = async () => (await cast.as("poller").get("/api/agents")).json.agents as { id: string }[];
const row = async (id: string) => (await rows()).find((each) => each.id === id);
const series = async (line: string | RegExp) => {
  const { text } = await cast.as("poller").get("/metrics");
  return text
    .split("\n")
    .filter((each) => (typeof line === "string" ? each.startsWith(line) : line.test(each)));
};

describe("agents", () => {
  it("has no row before the first poll, also not for tokens that were minted", async () => {
    await mintAgent(cast.as("admin"), "minted-only");
    expect(await rows()).toEqual([]);
  });

  it("shows the bootstrap token's subject as `agent`, with what its last poll said", async () => {
    const job = {
      request_id: "00000000-0000-4000-8000-000000000001",
      operation: "execute_dml",
      elapsed_secs: 3,
    };
    expectStatus(await poll(cast.as("agent"), { status: report({ in_flight: 1, active_jobs: [job] }) }), 200);
    expect(await row("agent")).toEqual({
      id: "agent",
      status: "healthy",
      last_poll_ago_secs: 0,
      in_flight: 1,
      max_concurrent: 2,
      uptime_secs: 17,
      active_jobs: [job],
      capabilities: {
        scopes: expect.arrayContaining([
          { database: "app", environment: "production" },
          { database: "app", environment: "staging" },
        ]),
      },
    });
  });

  it.each([
    ["healthy", report({ in_flight: 1 })],
    ["saturated", report({ in_flight: 2 })],
    ["saturated", report({ in_flight: 0, max_concurrent: 0 })],
    ["draining", report({ in_flight: 2, draining: true })],
    ["healthy", report()],
  ])("calls an agent %s: %j", async (status, said) => {
    expectStatus(await poll(cast.as("agent"), { status: said }), 200);
    expect(await row("agent")).toMatchObject({ status });
  });

  it("counts a poll without a report as idle, with room for four", async () => {
    expectStatus(await poll(cast.as("agent"), { status: undefined }), 200);
    expect(await row("agent")).toMatchObject({
      status: "healthy",
      in_flight: 0,
      max_concurrent: 4,
      uptime_secs: 0,
    });
  });

  it("has one row for two agents with one token: the last poll wins", async () => {
    const agent = await mintAgent(cast.as("admin"), "shared");
    expectStatus(await poll(agent, { status: report({ max_concurrent: 2, draining: true }) }), 200);
    expect(await row("shared")).toMatchObject({ status: "draining", max_concurrent: 2 });
    expectStatus(await poll(agent, { status: report({ max_concurrent: 8 }) }), 200);
    expect(await row("shared")).toMatchObject({ status: "healthy", max_concurrent: 8 });
    expect((await rows()).filter(({ id }) => id === "shared")).toHaveLength(1);
  });

  it("keeps the row of an agent whose token was revoked", async () => {
    const agent = await mintAgent(cast.as("admin"), "revoked");
    expectStatus(await poll(agent), 200);
    expectStatus(await cast.as("admin").send("DELETE", `/api/tokens/${agent.id}`), 200);
    expect((await poll(agent)).status).toBe(401);
    expect(await row("revoked")).toMatchObject({ status: "healthy" });
  });
});

describe("metrics", () => {
  it("is Prometheus' text format", async () => {
    const { headers, text } = await cast.as("poller").get("/metrics");
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text.endsWith("\n")).toBe(true);
  });

  it.each([
    ["gauge", ["dbward_requests_current", "dbward_agents_active", "dbward_agents_saturated"]],
    ["gauge", ["dbward_mcp_sessions_active", "dbward_mcp_sse_streams_active"]],
    ["counter", ["dbward_agent_lease_expirations_total", "dbward_background_panics_total"]],
    ["counter", ["dbward_break_glass_total", "dbward_break_glass_audit_failure_total"]],
    [
      "counter",
      ["attempted", "allowed", "denied"].map((outcome) => `dbward_break_glass_ddl_${outcome}_total`),
    ],
    ["counter", ["success", "failure", "network_error"].map((end) => `dbward_license_online_${end}_total`)],
    ["counter", ["sse_streams", "cancel", "sessions_created"].map((what) => `dbward_mcp_${what}_total`)],
    ["counter", ["dbward_http_requests_total"]],
    ["histogram", ["dbward_http_request_duration_seconds"]],
  ])("announces each %s: %j", async (type, families) => {
    const lines = await series("# TYPE ");
    for (const family of families) {
      expect(lines).toContain(`# TYPE ${family} ${type}`);
      expect((await series(family)).length).toBeGreaterThan(0);
    }
  });

  it("counts requests in the four states that are not over, whether there are any or not", async () => {
    const ask = async (api: Api, environment: string) =>
      expectStatus(await api.post("/api/requests", { database: "app", environment, detail: "select 1" }), 201)
        .id as string;
    const counts = async () => {
      const lines = await series("dbward_requests_current{");
      return Object.fromEntries(lines.map((line) => /status="(\w+)"\} (\d+)$/.exec(line)!.slice(1)));
    };
    expect(await counts()).toEqual({ pending: "0", approved: "0", dispatched: "0", running: "0" });

    const requester = cast.as("requester");
    const waiting = await ask(requester, "production");
    const approved = await ask(requester, "production");
    expectStatus(await cast.as("approver").post(`/api/requests/${approved}/approve`, {}), 200);
    const running = await ask(requester, "staging");
    await ask(requester, "staging");
    expectStatus(await poll(cast.as("agent")), 200);
    const { execution_id } = expectStatus(
      await cast.as("agent").post(`/api/agent/jobs/${running}/claim`),
      200,
    );
    expect(await counts()).toEqual({ pending: "1", approved: "1", dispatched: "1", running: "1" });

    expectStatus(await cast.as("agent").post(`/api/agent/jobs/${execution_id}/result`, ONE_ROW), 200);
    expectStatus(await requester.post(`/api/requests/${waiting}/cancel`), 200);
    expect(await counts()).toEqual({ pending: "0", approved: "1", dispatched: "1", running: "0" });
  });

  it("counts the subjects whose last poll didn't say `draining` as active, and the full ones as saturated", async () => {
    const value = async (family: string) => Number((await series(`${family} `))[0]!.split(" ")[1]);
    const agent = await mintAgent(cast.as("admin"), "counted");
    const [active, saturated] = [await value("dbward_agents_active"), await value("dbward_agents_saturated")];
    expectStatus(await poll(agent, { status: report({ in_flight: 2 }) }), 200);
    expect(await value("dbward_agents_active")).toBe(active + 1);
    expect(await value("dbward_agents_saturated")).toBe(saturated + 1);
    expectStatus(await poll(agent, { status: report({ draining: true }) }), 200);
    expect(await value("dbward_agents_active")).toBe(active);
    expect(await value("dbward_agents_saturated")).toBe(saturated);
  });

  it("counts calls by the pattern of their route", async () => {
    await cast.as("admin").get("/api/users/nobody");
    await cast.as("admin").get("/api/nothing");
    await cast.as("nobody").get("/api/users");
    const counted = (method: string, path: string, status: number) =>
      series(`dbward_http_requests_total{method="${method}",path="${path}",status="${status}"} `);
    expect(await counted("GET", "/api/users/{id}", 404)).toHaveLength(1);
    expect(await counted("GET", "<unmatched>", 404)).toHaveLength(1);
    expect(await counted("GET", "/api/users", 401)).toHaveLength(1);
  });

  it("counts attempts to change a schema by break-glass, refused ones too, and no other break-glass", async () => {
    const request = { database: "app", environment: "staging", emergency: true, reason: "fire" };
    const create = async (caller: "operator" | "requester", more: object) =>
      (await cast.as(caller).post("/api/requests", { ...request, ...more })).status;
    expect(await create("operator", { detail: "select 1" })).toBe(201);
    expect(await create("operator", { detail: "create table t (a int)", allow_ddl: true })).toBe(201);
    expect(await create("requester", { detail: "create table t (a int)", allow_ddl: true })).toBe(403);
    expect(await series("dbward_break_glass_total")).toEqual(["dbward_break_glass_total 0"]);
    expect(await series("dbward_break_glass_ddl_attempted_total")).toEqual([
      "dbward_break_glass_ddl_attempted_total 2",
    ]);
  });

  it("has 14 buckets and +Inf for the time of calls", async () => {
    await cast.as("admin").get("/api/users");
    const buckets = await series(
      'dbward_http_request_duration_seconds_bucket{method="GET",path="/api/users",',
    );
    expect(buckets.map((line) => /le="([^"]+)"/.exec(line)![1])).toEqual(
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, "+Inf"].map(String),
    );
    const labels = '{method="GET",path="/api/users"} ';
    const [count] = await series(`dbward_http_request_duration_seconds_count${labels}`);
    expect(buckets.at(-1)!.split(" ")[1]).toBe(count!.split(" ")[1]);
    expect(await series(`dbward_http_request_duration_seconds_sum${labels}`)).toHaveLength(1);
  });
});
