import { describe, expect, it } from "vitest";
import { poll } from "./support/agent-calls.ts";
import { type Expectation, holds, ID, TIME, titled, useServer } from "./support/cast.ts";
import { CONFIG, expectStatus } from "./support/server.ts";

const cast = useServer({
  toml: `${CONFIG}
[[execution_policies]]
database = "app"
environment = "staging"
statement_timeout_secs = 45
max_rows = 100

[[result_policies]]
database = "app"
access = ["role:approver"]
`,
});

describe("what the file says", () => {
  it("lists databases", async () => {
    const { databases } = expectStatus(await cast.as("requester").get("/api/databases"), 200);
    expect(databases).toHaveLength(2);
    expect(databases).toEqual(
      expect.arrayContaining([
        { database: "app", environment: "production" },
        { database: "app", environment: "staging" },
      ]),
    );
  });

  it("lists workflows", async () => {
    const { workflows } = expectStatus(await cast.as("requester").get("/api/workflows"), 200) as {
      workflows: { environment: string }[];
    };
    expect(workflows).toHaveLength(2);
    expect(workflows.find(({ environment }) => environment === "production")).toMatchObject({
      id: expect.stringMatching(/^wf:app:production:[0-9a-f]{12}$/),
      database: "app",
      environment: "production",
      operations: [],
      auto_approve: null,
      steps: [{ mode: "all", approvers: [{ selector: "role:approver", min: 1 }] }],
      require_reason: false,
      allow_self_approve: false,
      explain: true,
      pending_ttl_secs: null,
    });
    expect(workflows.find(({ environment }) => environment === "staging")).toMatchObject({
      auto_approve: { mode: "always" },
      steps: [],
    });
  });

  it.each(
    titled([
      { as: "admin", call: "GET /api/groups", status: 200, answer: { groups: ["team"] } },
      { as: "admin", call: "GET /api/groups/team", status: 200, answer: { name: "team", members: [] } },
      { as: "admin", call: "GET /api/groups/nope", status: 404, code: "request.not_found" },
      { as: "approver", call: "GET /api/workflows", status: 200 },
      { as: "requester", call: "GET /api/groups", status: 403, code: "forbidden" },
    ] satisfies Expectation[]),
  )("%s", async (_, expectation) => {
    await holds(cast, expectation);
  });
});

describe("schemas", () => {
  const sync = (more: object = {}) =>
    cast.as("agent").post("/api/agent/schema-sync", {
      database: "app",
      environment: "production",
      dialect: "postgresql",
      status: "ready",
      snapshot: { tables: [{ name: "t", schema_name: "public", columns: [{}, {}], estimated_rows: 5 }] },
      error_message: null,
      ...more,
    });

  it("has none until an agent has synced", async () => {
    expect(await cast.as("requester").get("/api/schemas/app")).toMatchObject({
      status: 404,
      json: { code: "not_found" },
    });
    expect((await sync()).status).toBe(403);
    await poll(cast.as("agent"));
    expect(await sync()).toMatchObject({ status: 200, text: "" });
    expect((await cast.as("requester").get("/api/schemas/app")).json).toMatchObject({
      database: "app",
      environment: "production",
      dialect: "postgresql",
      status: "ready",
      tables: [{ name: "t", schema_name: "public", estimated_rows: 5, column_count: 2 }],
    });
    expect((await cast.as("requester").get("/api/schemas/nope")).status).toBe(404);
    expect((await cast.as("poller").get("/api/schemas/app")).status).toBe(403);
  });

  it.each([
    [{ dialect: "oracle" }, 400],
    [{ status: "nope" }, 400],
    [{ snapshot: undefined }, 400],
    [{ database: undefined }, 422],
    [{ environment: "nowhere" }, 403],
    [{ status: "failed", snapshot: null, error_message: "no rights" }, 200],
  ])("answers %j with %i", async (more, status) => {
    await poll(cast.as("agent"));
    expect((await sync(more)).status).toBe(status);
  });
});

describe("the audit log", () => {
  it("lists events, the newest first, in a chain", async () => {
    await cast.as("admin").post("/api/users", { id: "audited", roles: [] });
    const { events } = expectStatus(await cast.as("operator").get("/api/audit/events?limit=2"), 200) as {
      events: Record<string, unknown>[];
    };
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({
      id: ID,
      event_type: "user.created",
      event_category: "identity",
      outcome: "success",
      actor_id: "admin",
      peer_ip: "127.0.0.1",
      client_ip: "127.0.0.1",
      reason: null,
      metadata_json: expect.any(String),
      prev_hash: events[1]!.event_hash,
      event_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      created_at: TIME,
    });
    const verified = expectStatus(await cast.as("operator").get("/api/audit/verify"), 200);
    expect(verified).toEqual({ total_events: expect.any(Number), first_broken_id: null, valid: true });
  });

  it("notes refused tokens", async () => {
    await cast.server.as(`dbw_${"0".repeat(32)}`).get("/api/agents");
    const { events } = (await cast.as("operator").get("/api/audit/events?limit=1")).json;
    expect(events[0]).toMatchObject({ event_type: "auth.failure", outcome: "denied", actor_id: "anonymous" });
    const filtered = (await cast.as("operator").get("/api/audit/events?event_type=auth.failure")).json.events;
    expect(new Set(filtered.map(({ event_type }: { event_type: string }) => event_type))).toEqual(
      new Set(["auth.failure"]),
    );
  });
});
