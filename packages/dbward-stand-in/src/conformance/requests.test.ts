import { describe, expect, it } from "vitest";
import { claim, execute, ONE_ROW, poll } from "./support/agent-calls.ts";
import type { Answer, Api } from "./support/api.ts";
import { type Expectation, holds, ID, TIME, titled, useServer } from "./support/cast.ts";
import { CONFIG, expectStatus } from "./support/server.ts";

const cast = useServer({
  toml: `${CONFIG}
[[databases]]
name = "bare"
environments = ["production"]

[[databases]]
name = "picky"
environments = ["production", "short"]

[[workflows]]
database = "picky"
environment = "production"
operations = ["execute_select"]
auto_approve = { mode = "always" }
require_reason = true

[[workflows]]
database = "picky"
environment = "short"
pending_ttl_secs = 1
[[workflows.steps]]
approvers = [{ role = "approver" }]
`,
});

const PENDING = { database: "app", environment: "production", detail: "select 1" };
const AUTOMATIC = { database: "app", environment: "staging", detail: "select 1" };

/** Makes a request. @returns its id */
async function ask(who: Api, body: object): Promise<string> {
  return expectStatus(await who.post("/api/requests", body), 201).id as string;
}
const look = async (who: Api, id: string) => expectStatus(await who.get(`/api/requests/${id}`), 200);
const statusOf = async (id: string) => (await look(cast.as("operator"), id)).status;
const act = (who: Api, id: string, verb: string, body?: object): Promise<Answer> =>
  who.post(`/api/requests/${id}/${verb}`, body);

describe("asking", () => {
  it("waits for approvers where the workflow has steps", async () => {
    const answer = await cast.as("requester").post("/api/requests", PENDING);
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: ID,
      status: "pending",
      operation: "execute_select",
      approvers: ["role:approver"],
      idempotent: false,
      expires_at: TIME,
    });
  });

  it("is dispatched at once where the workflow approves by itself", async () => {
    const answer = await cast.as("requester").post("/api/requests", AUTOMATIC);
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: ID,
      status: "dispatched",
      operation: "execute_select",
      approvers: [],
      idempotent: false,
      expires_at: null,
    });
  });

  const create = (
    name: string,
    body: object,
    more: Partial<Expectation> & Pick<Expectation, "status">,
  ): Expectation => ({
    name,
    as: "requester",
    call: "POST /api/requests",
    body: { ...AUTOMATIC, ...body },
    ...more,
  });
  const invalid = { status: 400, code: "validation.failed" };
  const made = (operation: string) => ({ status: 201, answer: { operation } });
  it.each(
    titled([
      create("no workflow", { database: "bare", environment: "production" }, invalid),
      create(
        "no workflow for the operation",
        { database: "picky", environment: "production", detail: "delete from t where a = 1", reason: "r" },
        invalid,
      ),
      create("an unregistered database", { database: "other" }, invalid),
      create("an unregistered environment", { environment: "qa" }, invalid),
      create("a bad name of a database", { database: "App!" }, invalid),
      create("a bad name of an environment", { environment: "Prod" }, invalid),
      create("an unknown operation", { operation: "drop_everything" }, invalid),
      create("empty SQL", { detail: "" }, invalid),
      create("SQL of blanks and comments", { detail: " -- nothing\n" }, invalid),
      create("SQL that can't be parsed", { detail: "selec 1" }, invalid),
      create("SQL that review blocks: delete", { detail: "delete from t" }, invalid),
      create("SQL that review blocks: update", { detail: "update t set a = 1" }, invalid),
      create("SQL that review blocks: drop", { detail: "drop table t" }, invalid),
      create("SQL that review blocks: truncate", { detail: "truncate t" }, invalid),
      create("transactions", { detail: "begin" }, invalid),
      create("rights", { detail: "grant select on t to u" }, invalid),
      create("roles", { detail: "set role admin" }, invalid),
      create("two results", { detail: "select 1; select 2" }, invalid),
      create("too much SQL", { detail: `select '${"x".repeat(100_001)}'` }, invalid),
      create("emergency without a reason", { emergency: true }, { as: "operator", ...invalid }),
      create(
        "no reason where the workflow wants one",
        { database: "picky", environment: "production" },
        invalid,
      ),
      create(
        "a reason where the workflow wants one",
        { database: "picky", environment: "production", reason: "why" },
        { status: 201 },
      ),
      create("a repair without emergency", { operation: "migrate_repair" }, invalid),
      create("allow_ddl without emergency", { allow_ddl: true }, invalid),
      create("a bad selector", { share_with: ["everybody"] }, invalid),
      create("no database", { database: undefined }, { status: 422, text: /^[^{]/ }),
      create("no environment", { environment: undefined }, { status: 422, text: /^[^{]/ }),
      create("sql for detail", { detail: undefined, sql: "select 1" }, { status: 422, text: /^[^{]/ }),
      create("a number for a text", { detail: 1 }, { status: 422, text: /^[^{]/ }),
      create(
        "emergency without the permission",
        { emergency: true, reason: "fire" },
        { status: 403, code: "forbidden" },
      ),
      create("by an approver", {}, { as: "approver", status: 403, code: "forbidden" }),
      create("by a poller", {}, { as: "poller", status: 403, code: "forbidden" }),
      create(
        "emergency",
        { ...PENDING, emergency: true, reason: "fire" },
        { as: "operator", status: 201, answer: { status: "dispatched" } },
      ),
      create(
        "emergency without a workflow",
        { database: "bare", environment: "production", emergency: true, reason: "fire" },
        { as: "operator", status: 201, answer: { status: "dispatched" } },
      ),
      create("no operation", { operation: undefined }, made("execute_select")),
      create("an empty operation", { operation: "" }, made("execute_select")),
      create("execute_query", { operation: "execute_query" }, made("execute_select")),
      create("a select sent as execute_dml", { operation: "execute_dml" }, made("execute_select")),
      create(
        "an insert sent as execute_select",
        { operation: "execute_select", detail: "insert into t values (1)" },
        made("execute_dml"),
      ),
      create("delete with where", { detail: "delete from t where id = 1" }, made("execute_dml")),
      create("pg_sleep", { detail: "select pg_sleep(1)" }, made("execute_dml")),
      create("nextval", { detail: "select nextval('s')" }, made("execute_dml")),
      create("select for update", { detail: "select * from t for update" }, made("execute_dml")),
      create("select into", { detail: "select * into u from t" }, made("execute_dml")),
      create(
        "a cte that deletes",
        { detail: "with d as (delete from t where a = 1 returning *) select * from d" },
        made("execute_dml"),
      ),
      create("create table", { detail: "create table t (id int)" }, made("execute_dml")),
      create("explain", { detail: "explain select 1" }, made("execute_select")),
      create("show", { detail: "show server_version" }, made("execute_select")),
      create(
        "a setting before the query",
        { detail: "set statement_timeout = 5; select 1" },
        made("execute_select"),
      ),
      create("select and delete", { detail: "select 1; delete from t where a = 1" }, made("execute_dml")),
      create("a migration", { operation: "migrate_status", detail: "{}" }, made("migrate_status")),
    ]),
  )("%s", async (_, expectation) => {
    await holds(cast, expectation);
  });

  it("answers the same key and SQL with the same request", async () => {
    const requester = cast.as("requester");
    const first = await requester.post("/api/requests", { ...PENDING, idempotency_key: "once" });
    const again = await requester.post("/api/requests", { ...PENDING, idempotency_key: "once" });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toEqual({ ...first.json, idempotent: true });
    const other = await requester.post("/api/requests", {
      ...PENDING,
      idempotency_key: "once",
      detail: "select 2",
    });
    expect(other).toMatchObject({ status: 409, json: { code: "request.conflict" } });
    const another = await cast.as("admin").post("/api/requests", { ...PENDING, idempotency_key: "once" });
    expect(another.status).toBe(201);
  });
});

describe("looking at requests", () => {
  it("shows a pending one", async () => {
    const id = await ask(cast.as("requester"), {
      ...PENDING,
      reason: "because",
      share_with: ["role:approver"],
    });
    const { subject_id } = (await cast.as("requester").get("/api/me")).json;
    expect(await look(cast.as("requester"), id)).toEqual({
      id,
      requester: subject_id,
      database: "app",
      environment: "production",
      operation: "execute_select",
      detail: "select 1",
      status: "pending",
      queue_hint: null,
      emergency: false,
      reason: "because",
      share_with: ["role:approver"],
      no_result_store: false,
      created_at: TIME,
      updated_at: TIME,
      expires_at: TIME,
      approval_progress: {
        current_step: 0,
        total_steps: 1,
        steps: [
          {
            index: 0,
            mode: "all",
            satisfied: false,
            approvers_required: [{ selector: "role:approver", min: 1, current: 0 }],
            approvals: [],
          },
        ],
      },
      context: {
        status: "collecting",
        explain_enabled: true,
        tables: [],
        sql_review: { findings: [], blocked: false },
        risk: { level: expect.any(String), factors: expect.any(Array) },
        explain: null,
      },
      decision_trace: expect.objectContaining({ version: 1 }),
    });
  });

  it("says why no agent takes a dispatched one", async () => {
    const id = await ask(cast.as("requester"), AUTOMATIC);
    expect(await look(cast.as("requester"), id)).toMatchObject({ queue_hint: "no_agents" });
    await poll(cast.as("agent"));
    expect(await look(cast.as("requester"), id)).toMatchObject({ queue_hint: null });
    await poll(cast.as("agent"), { status: { in_flight: 0, max_concurrent: 2, draining: true } });
    expect(await look(cast.as("requester"), id)).toMatchObject({ queue_hint: "agents_draining" });
  });

  it("lists one's own, the newest first", async () => {
    const user = await cast.server.user(["requester"]);
    const first = await ask(user, PENDING);
    const second = await ask(user, AUTOMATIC);
    const list = async (who: Api, query = "") => (await who.get(`/api/requests${query}`)).json;
    const { requests, ...rest } = await list(user);
    expect(rest).toEqual({ total: 2, limit: 50, offset: 0 });
    expect(requests).toEqual([
      {
        id: second,
        requester: user.id,
        database: "app",
        environment: "staging",
        operation: "execute_select",
        detail: "select 1",
        status: "dispatched",
        created_at: TIME,
      },
      {
        id: first,
        requester: user.id,
        database: "app",
        environment: "production",
        operation: "execute_select",
        detail: "select 1",
        status: "pending",
        created_at: TIME,
        current_step: 0,
        total_steps: 1,
        next_approvers: ["role:approver"],
      },
    ]);
    expect(await list(user, "?limit=1&offset=1")).toMatchObject({
      requests: [{ id: first }],
      limit: 1,
      offset: 1,
    });
    expect(await list(user, "?limit=0")).toMatchObject({ requests: [], limit: 0 });
    expect(await list(user, "?limit=1000")).toMatchObject({ limit: 100 });
    expect(await list(user, "?status=pending&nonsense=1")).toMatchObject({
      requests: [{ id: first }],
      total: 1,
    });
    expect(await list(user, "?status=nope")).toMatchObject({ requests: [], total: 0 });
    expect((await list(cast.as("operator"), `?user=${user.id}`)).requests).toHaveLength(2);
    const mine = (await list(cast.as("approver"), "?pending_for_me=true")).requests;
    expect(mine.map(({ id }: { id: string }) => id)).toContain(first);
    expect((await list(user, "?pending_for_me=true")).requests).toEqual([]);
  });

  it("shows them to their requester, to operators, and to who may approve", async () => {
    const id = await ask(cast.as("requester"), PENDING);
    for (const [who, status] of [
      ["requester", 200],
      ["operator", 200],
      ["approver", 200],
      ["admin", 403],
      ["poller", 403],
    ] as const)
      expect((await cast.as(who).get(`/api/requests/${id}`)).status, who).toBe(status);
  });

  it("answers a wait when the status changes, or when it is over", async () => {
    const id = await ask(cast.as("requester"), PENDING);
    const started = Date.now();
    const short = await cast.as("requester").get(`/api/requests/${id}?wait=1`);
    expect(short.json.status).toBe("pending");
    expect(Date.now() - started).toBeGreaterThanOrEqual(900);
    const waiting = cast.as("requester").get(`/api/requests/${id}?wait=100`);
    expectStatus(await act(cast.as("requester"), id, "cancel"), 200);
    expect((await waiting).json.status).toBe("cancelled");
    expect((await cast.as("requester").get(`/api/requests/${id}?wait=100`)).json.status).toBe("cancelled");
  });
});

describe("deciding", () => {
  it("approves, and then waits for its requester to resume it", async () => {
    const id = await ask(cast.as("requester"), PENDING);
    const answer = await act(cast.as("approver"), id, "approve", { comment: "fine" });
    const approver = (await cast.as("approver").get("/api/me")).json.subject_id;
    expect(answer.json).toEqual({
      id,
      status: "approved",
      approved_by: approver,
      matched_selector: "role:approver",
      step_completed: 1,
      current_step: 1,
      total_steps: 1,
    });
    const { approval_progress } = await look(cast.as("requester"), id);
    expect(approval_progress).toMatchObject({
      current_step: 1,
      steps: [
        {
          satisfied: true,
          approvers_required: [{ current: 1 }],
          approvals: [{ user: approver, action: "approve", at: TIME, comment: "fine" }],
        },
      ],
    });
    const { jobs } = (await poll(cast.as("agent"))).json;
    expect(jobs.map((job: { id: string }) => job.id)).not.toContain(id);
    expect((await act(cast.as("requester"), id, "resume")).json).toEqual({ id, status: "dispatched" });
    expect((await act(cast.as("approver"), id, "approve", {})).status).toBe(409);
  });

  it("refuses approvals by those who may not, or not like this", async () => {
    const id = await ask(cast.as("requester"), PENDING);
    expect((await act(cast.as("approver"), id, "approve")).status).toBe(415);
    expect((await act(cast.as("operator"), id, "approve", {})).status).toBe(403);
    expect((await act(cast.as("requester"), id, "approve", {})).status).toBe(403);
    expect((await act(cast.as("approver"), id, "approve", { comment: "x".repeat(1025) })).status).toBe(400);
    expect((await act(cast.as("approver"), id, "approve", { selector: "role:boss" })).status).toBe(400);
    const own = await cast.server.user(["requester", "approver"]);
    const mine = await ask(own, PENDING);
    expect((await act(own, mine, "approve", {})).status).toBe(403);
    expect((await act(own, mine, "reject", {})).status).toBe(403);
    expect(
      (await act(cast.as("approver"), "00000000-0000-4000-8000-000000000000", "approve", {})).status,
    ).toBe(404);
  });

  it("rejects, once", async () => {
    const id = await ask(cast.as("requester"), PENDING);
    expect((await act(cast.as("operator"), id, "reject", {})).status).toBe(403);
    expect((await act(cast.as("approver"), id, "reject", { comment: "no" })).json).toEqual({
      id,
      status: "rejected",
    });
    expect((await act(cast.as("approver"), id, "reject", {})).status).toBe(409);
    expect((await act(cast.as("approver"), id, "approve", {})).status).toBe(409);
    expect((await act(cast.as("requester"), id, "resume")).status).toBe(409);
  });

  it("answers 410 for one that has expired, whose status stays `pending` for a while", async () => {
    const id = await ask(cast.as("requester"), { ...PENDING, database: "picky", environment: "short" });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await act(cast.as("approver"), id, "approve", {})).toMatchObject({
      status: 410,
      json: { code: "request.gone" },
    });
    expect((await act(cast.as("approver"), id, "reject", {})).status).toBe(410);
    expect(["pending", "expired"]).toContain(await statusOf(id));
  });
});

describe("resuming and cancelling", () => {
  it("resumes an approved one, by its requester or by an operator with a reason", async () => {
    const id = await ask(cast.as("requester"), PENDING);
    expect((await act(cast.as("requester"), id, "resume")).status).toBe(409);
    expectStatus(await act(cast.as("approver"), id, "approve", {}), 200);
    expect((await act(cast.as("approver"), id, "resume")).status).toBe(403);
    expect((await act(cast.as("admin"), id, "resume", { reason: "r" })).status).toBe(403);
    expect((await act(cast.as("operator"), id, "resume")).status).toBe(400);
    expect((await act(cast.as("operator"), id, "resume", { reason: "r" })).json).toEqual({
      id,
      status: "dispatched",
    });
  });

  it.each(["pending", "approved", "dispatched", "running"])("cancels one that is %s", async (status) => {
    const requester = cast.as("requester");
    const id = await ask(requester, status === "pending" || status === "approved" ? PENDING : AUTOMATIC);
    if (status === "approved") expectStatus(await act(cast.as("approver"), id, "approve", {}), 200);
    if (status === "running") {
      await poll(cast.as("agent"));
      await claim(cast.as("agent"), id);
    }
    expect(await statusOf(id)).toBe(status);
    for (const who of ["approver", "admin"] as const)
      expect((await act(cast.as(who), id, "cancel", { reason: "r" })).status, who).toBe(403);
    expect((await act(cast.as("operator"), id, "cancel")).status).toBe(400);
    expect((await act(requester, id, "cancel")).json).toEqual({ id, status: "cancelled" });
    expect((await act(requester, id, "cancel", { reason: "again" })).status).toBe(409);
    expect((await act(requester, id, "resume")).status).toBe(409);
  });

  it("is over when it was executed", async () => {
    const id = await ask(cast.as("requester"), AUTOMATIC);
    await execute(cast.as("agent"), id, ONE_ROW);
    expect(await statusOf(id)).toBe("executed");
    expect((await act(cast.as("requester"), id, "cancel")).status).toBe(409);
    expect((await act(cast.as("requester"), id, "resume")).status).toBe(409);
  });
});

describe("results", () => {
  const content = (who: Api, id: string) => who.get(`/api/requests/${id}/result/content`);

  it("returns what the agent reported, to callers that may see it", async () => {
    const requester = cast.as("requester");
    const id = await ask(requester, AUTOMATIC);
    expect((await content(requester, id)).status).toBe(404);
    const executionId = await execute(cast.as("agent"), id, ONE_ROW);
    const envelope = {
      _dbward_result: true,
      execution_id: executionId,
      success: true,
      result_data: { rows: [{ one: 1 }], truncated: false, truncation_reason: null },
      rows_affected: null,
      truncated: false,
      error_message: null,
    };
    expect((await content(requester, id)).json).toEqual(envelope);
    expect((await requester.get(`/api/requests/${id}/result/stream`)).json).toEqual(envelope);
    expect((await content(cast.as("operator"), id)).status).toBe(200);
    expect((await content(cast.as("approver"), id)).status).toBe(403);
    expect((await content(cast.as("admin"), id)).status).toBe(403);
    expect((await requester.get(`/api/requests/${id}/executions`)).json).toEqual({
      executions: [
        {
          id: executionId,
          status: "completed",
          agent_id: "agent",
          created_at: TIME,
          started_at: TIME,
          finished_at: TIME,
          error_message: null,
          has_stored_result: true,
        },
      ],
    });
    const { results } = (await requester.get("/api/results")).json;
    expect(results.find((each: { request_id: string }) => each.request_id === id)).toEqual({
      request_id: id,
      database: "app",
      environment: "staging",
      operation: "execute_select",
      stored_at: TIME,
      content_length: ONE_ROW.result_data.length,
    });
  });

  it("is there for approvers and for who it was shared with", async () => {
    const id = await ask(cast.as("requester"), { ...PENDING, share_with: ["user:admin"] });
    expectStatus(await act(cast.as("approver"), id, "approve", {}), 200);
    expectStatus(await act(cast.as("requester"), id, "resume"), 200);
    await execute(cast.as("agent"), id, ONE_ROW);
    expect((await content(cast.as("approver"), id)).status).toBe(200);
    expect((await content(cast.as("admin"), id)).status).toBe(200);
  });

  it("says why one failed", async () => {
    const id = await ask(cast.as("requester"), AUTOMATIC);
    const executionId = await execute(cast.as("agent"), id, {
      success: false,
      error_message: "no such table",
    });
    expect(await statusOf(id)).toBe("failed");
    expect((await content(cast.as("requester"), id)).json).toEqual({
      _dbward_result: true,
      execution_id: executionId,
      success: false,
      result_data: null,
      rows_affected: null,
      truncated: false,
      error_message: "no such table",
    });
    const { executions } = (await cast.as("requester").get(`/api/requests/${id}/executions`)).json;
    expect(executions).toMatchObject([{ status: "failed", has_stored_result: true }]);
    expect((await act(cast.as("requester"), id, "resume")).status).toBe(409);
  });

  it("waits for a result on the stream", async () => {
    const id = await ask(cast.as("requester"), AUTOMATIC);
    const streamed = cast.as("requester").get(`/api/requests/${id}/result/stream`);
    const executionId = await execute(cast.as("agent"), id, { ...ONE_ROW, rows_affected: 1 });
    expect((await streamed).json).toMatchObject({
      execution_id: executionId,
      success: true,
      result_data: { rows: [{ one: 1 }] },
      rows_affected: 1,
    });
  });

  it("is missing where none was to be kept", async () => {
    const id = await ask(cast.as("requester"), { ...AUTOMATIC, no_result_store: true });
    await execute(cast.as("agent"), id, ONE_ROW);
    expect((await content(cast.as("requester"), id)).status).toBe(410);
  });
});

describe("workflows with more than one approver", () => {
  const steps = useServer({
    toml: `
[result_storage]
[[auth.roles]]
name = "cloudwatch-metrics"
permissions = ["metrics.view"]
[[databases]]
name = "app"
environments = ["production", "any", "self", "two"]

[[workflows]]
database = "app"
environment = "production"
[[workflows.steps]]
approvers = [{ role = "approver", min = 2 }]
[[workflows.steps]]
approvers = [{ role = "operator" }]

[[workflows]]
database = "app"
environment = "any"
[[workflows.steps]]
mode = "any"
approvers = [{ role = "operator" }, { role = "approver" }]

[[workflows]]
database = "app"
environment = "self"
allow_self_approve = true
[[workflows.steps]]
approvers = [{ role = "requester" }]

[[workflows]]
database = "app"
environment = "two"
[[workflows.steps]]
approvers = [{ role = "approver" }]
[[workflows.steps]]
approvers = [{ role = "approver" }]
`,
  });

  it("wants as many as it says, step by step", async () => {
    const id = await ask(steps.as("requester"), {
      database: "app",
      environment: "production",
      detail: "select 1",
    });
    const second = await steps.server.user(["approver"]);
    expect((await act(steps.as("operator"), id, "approve", {})).status).toBe(403);
    expect((await act(steps.as("approver"), id, "approve", {})).json).toMatchObject({
      status: "pending",
      step_completed: 0,
      current_step: 0,
      total_steps: 2,
    });
    expect((await act(steps.as("approver"), id, "approve", {})).status).toBe(409);
    expect((await act(second, id, "approve", {})).json).toMatchObject({ status: "pending", current_step: 1 });
    const list = (await steps.as("requester").get("/api/requests?status=pending")).json.requests;
    expect(list[0]).toMatchObject({ id, current_step: 1, total_steps: 2, next_approvers: ["role:operator"] });
    expect((await act(steps.as("operator"), id, "approve", {})).json).toMatchObject({
      status: "approved",
      matched_selector: "role:operator",
      step_completed: 2,
    });
  });

  it("is satisfied by one of several where any will do", async () => {
    const id = await ask(steps.as("requester"), { database: "app", environment: "any", detail: "select 1" });
    expect((await act(steps.as("approver"), id, "approve", {})).json).toMatchObject({ status: "approved" });
  });

  it("asks for the role of an approver who has both", async () => {
    const both = await steps.server.user(["approver", "operator"]);
    const id = await ask(steps.as("requester"), { database: "app", environment: "any", detail: "select 1" });
    expect((await act(both, id, "approve", {})).status).toBe(400);
    expect((await act(both, id, "approve", { selector: "role:operator" })).json).toMatchObject({
      matched_selector: "role:operator",
    });
  });

  it("takes one's own approval where the workflow allows it", async () => {
    const id = await ask(steps.as("requester"), { database: "app", environment: "self", detail: "select 1" });
    expect((await act(steps.as("requester"), id, "approve", {})).json).toMatchObject({ status: "approved" });
  });

  it("wants another person for each step", async () => {
    const id = await ask(steps.as("requester"), { database: "app", environment: "two", detail: "select 1" });
    expect((await act(steps.as("approver"), id, "approve", {})).status).toBe(200);
    expect((await act(steps.as("approver"), id, "approve", {})).status).toBe(403);
  });
});
