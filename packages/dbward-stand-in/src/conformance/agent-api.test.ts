import { createHash, createPublicKey, verify } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CAPABILITIES, claim, mintAgent, ONE_ROW, poll } from "./support/agent-calls.ts";
import type { Api } from "./support/api.ts";
import { type Expectation, holds, ID, TIME, titled, useServer } from "./support/cast.ts";
import { CONFIG, expectStatus } from "./support/server.ts";

const cast = useServer({
  toml: CONFIG.replace("[result_storage]", "[result_storage]\nmax_persist_bytes = 100"),
});

const STAGING = { database: "app", environment: "staging", detail: "select 1" };

/** Makes a request that an agent may take at once. @returns its id */
const ask = async (more: object = {}): Promise<string> =>
  expectStatus(await cast.as("requester").post("/api/requests", { ...STAGING, ...more }), 201).id as string;
const statusOf = async (id: string) => (await cast.as("operator").get(`/api/requests/${id}`)).json.status;
const jobs = async (agent: Api, more: object = {}): Promise<{ id: string }[]> =>
  (await poll(agent, more)).json.jobs;
const NOWHERE = "00000000-0000-4000-8000-000000000000";

describe("polling", () => {
  it("is answered with jobs and versions", async () => {
    const id = await ask({ detail: "select 1 as one" });
    const answer = await poll(cast.as("agent"));
    expect(answer.status).toBe(200);
    const { jobs: found, dry_run_jobs, ...rest } = answer.json;
    expect(rest).toEqual({
      preflight_jobs: [],
      server_version: "0.2.0",
      min_agent_version: "0.2.0",
      upgrade_required: false,
    });
    expect(found.find((job: { id: string }) => job.id === id)).toEqual({
      id,
      created_by: expect.any(String),
      operation: "execute_select",
      environment: "staging",
      database: "app",
      detail: "select 1 as one",
    });
    expect(dry_run_jobs).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: ID, request_id: id, database: "app", environment: "staging" }),
      ]),
    );
  });

  it("hands out a job until it is claimed, and not afterwards", async () => {
    const id = await ask();
    const other = await mintAgent(cast.as("admin"), "other");
    for (const agent of [cast.as("agent"), other, cast.as("agent")])
      expect((await jobs(agent)).map((job) => job.id)).toContain(id);
    await claim(other, id);
    expect((await jobs(cast.as("agent"))).map((job) => job.id)).not.toContain(id);
  });

  it("hands out what an agent can do alone", async () => {
    const id = await ask();
    const seen = async (capabilities: object, more: object = {}) =>
      (await jobs(cast.as("agent"), { capabilities, ...more })).map((job) => job.id).includes(id);
    expect(await seen(CAPABILITIES)).toBe(true);
    expect(await seen({ scopes: [{ database: "app", environment: "production" }] })).toBe(false);
    expect(await seen({ scopes: [] })).toBe(false);
    expect(await seen({ ...CAPABILITIES, operations: ["execute_dml"] })).toBe(false);
    expect(await seen({ ...CAPABILITIES, operations: ["execute_select"] })).toBe(true);
    expect(await jobs(cast.as("agent"), { limit: 0 })).toEqual([]);
    await ask();
    expect(await jobs(cast.as("agent"), { limit: 1 })).toHaveLength(1);
  });

  const body = (more: object): object => ({ capabilities: { scopes: [] }, ...more });
  const scope = (database: string, environment: string) =>
    body({ capabilities: { scopes: [{ database, environment }] } });
  const plain = { status: 422, text: /^[^{]/ };
  const invalid = { status: 400, code: "validation.failed" };
  const call = (
    name: string,
    sent: object,
    more: Pick<Expectation, "status" | "code" | "text" | "answer">,
  ) => ({
    name,
    as: "agent" as const,
    call: "POST /api/agent/poll",
    body: sent,
    ...more,
  });
  it.each(
    titled([
      call("scopes alone", body({}), { status: 200 }),
      call("unknown members", body({ agent_id: "x", nope: 1 }), { status: 200 }),
      call("no capabilities", {}, plain),
      call("no scopes", { capabilities: {} }, plain),
      call("an unknown operation", { capabilities: { scopes: [], operations: ["nope"] } }, plain),
      call(
        "an old name of an operation",
        { capabilities: { scopes: [], operations: ["execute_query"] } },
        plain,
      ),
      call("a negative limit", body({ limit: -1 }), plain),
      call("a report without its numbers", body({ status: {} }), plain),
      call("a scope of all databases", scope("*", "production"), invalid),
      call("a scope of all environments", scope("app", "*"), invalid),
      call("a bad name", scope("App!", "production"), invalid),
      call("an unknown scope", scope("unknown", "production"), { status: 200 }),
      call("an older agent", body({ agent_version: "0.1.9" }), {
        status: 200,
        answer: { upgrade_required: true, jobs: [] },
      }),
      call("a version that is none", body({ agent_version: "none" }), {
        status: 200,
        answer: { upgrade_required: true },
      }),
      call("no version", body({}), { status: 200, answer: { upgrade_required: false } }),
      call("a newer agent", body({ agent_version: "0.3.0" }), {
        status: 200,
        answer: { upgrade_required: false },
      }),
    ]),
  )("%s", async (_, expectation) => {
    await holds(cast, expectation);
  });

  it("keeps jobs from an older agent", async () => {
    const id = await ask();
    expect(await jobs(cast.as("agent"), { agent_version: "0.1.9" })).toEqual([]);
    expect((await jobs(cast.as("agent"))).map((job) => job.id)).toContain(id);
  });
});

describe("claiming", () => {
  it("returns what an agent needs to execute, signed", async () => {
    const id = await ask();
    await poll(cast.as("agent"));
    const answer = await cast.as("agent").post(`/api/agent/jobs/${id}/claim`);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      execution_id: ID,
      request_id: id,
      execution_token: expect.any(String),
      operation: "execute_select",
      database: "app",
      environment: "staging",
      detail: "select 1",
      statement_timeout_secs: 30,
      max_rows: null,
      lease_expires_at: TIME,
      execution_plan: [expect.stringMatching(/^select 1$/i)],
      execution_plan_json: JSON.stringify(answer.json.execution_plan),
    });
    const lease = new Date(answer.json.lease_expires_at).getTime() - Date.now();
    expect(lease).toBeGreaterThan(50_000);
    expect(lease).toBeLessThanOrEqual(60_000);
    expect(await statusOf(id)).toBe("running");

    const { public_key } = (await cast.as("agent").get("/api/public-key")).json;
    expect(public_key).toMatch(/^[0-9a-f]{64}$/);
    const token = JSON.parse(answer.json.execution_token);
    const digest = createHash("sha256").update(answer.json.execution_plan_json).digest("hex");
    expect(token).toMatchObject({
      request_id: id,
      database: "app",
      environment: "staging",
      detail_hash: digest,
    });
    const signed = [
      id,
      token.operation,
      token.environment,
      token.database,
      digest,
      token.expires_at,
      token.requester_role,
      token.requester_subject_id,
    ].join("|");
    const key = createPublicKey({
      key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(public_key, "hex").toString("base64url") },
      format: "jwk",
    });
    expect(verify(null, Buffer.from(signed), key, Buffer.from(token.signature, "hex"))).toBe(true);
  });

  it("is for one agent, once, and for those that have polled", async () => {
    const id = await ask();
    const silent = await mintAgent(cast.as("admin"), "silent");
    expect((await silent.post(`/api/agent/jobs/${id}/claim`)).status).toBe(404);
    await poll(silent, { capabilities: { scopes: [{ database: "app", environment: "production" }] } });
    expect((await silent.post(`/api/agent/jobs/${id}/claim`)).status).toBe(403);
    await poll(cast.as("agent"));
    await claim(cast.as("agent"), id);
    expect(await cast.as("agent").post(`/api/agent/jobs/${id}/claim`)).toMatchObject({
      status: 409,
      json: { code: "request.conflict" },
    });
    expect((await cast.as("agent").post(`/api/agent/jobs/${NOWHERE}/claim`)).status).toBe(404);
    expect((await cast.as("admin").post(`/api/agent/jobs/${id}/claim`)).status).toBe(403);
  });
});

describe("heartbeats and results", () => {
  /** A request that the agent has claimed. */
  async function running(): Promise<{ id: string; execution: string }> {
    const id = await ask();
    await poll(cast.as("agent"));
    return { id, execution: (await claim(cast.as("agent"), id)).execution_id };
  }
  const beat = (who: Api, execution: string) => who.post(`/api/agent/jobs/${execution}/heartbeat`);
  const submit = (who: Api, execution: string, body: object) =>
    who.post(`/api/agent/jobs/${execution}/result`, body);

  it("informs the agent of a cancelled request", async () => {
    const { id, execution } = await running();
    const agent = cast.as("agent");
    expect(await beat(agent, execution)).toMatchObject({ status: 200, json: { cancelled: false } });
    const other = await mintAgent(cast.as("admin"), "stranger");
    expect((await beat(other, execution)).status).toBe(403);
    expect((await submit(other, execution, ONE_ROW)).status).toBe(403);
    expect((await beat(agent, NOWHERE)).status).toBe(404);
    expectStatus(await cast.as("requester").post(`/api/requests/${id}/cancel`), 200);
    expect((await beat(agent, execution)).json).toEqual({ cancelled: true });
    expect((await submit(agent, execution, ONE_ROW)).json).toEqual({ request_id: id, status: "cancelled" });
    expect(await statusOf(id)).toBe("cancelled");
  });

  it("ends the request", async () => {
    const { id, execution } = await running();
    const agent = cast.as("agent");
    expect((await submit(agent, execution, ONE_ROW)).json).toEqual({ request_id: id, status: "executed" });
    expect(await statusOf(id)).toBe("executed");
    expect((await submit(agent, execution, ONE_ROW)).status).toBe(409);
    expect((await beat(agent, execution)).status).toBe(409);
    expect((await submit(agent, NOWHERE, ONE_ROW)).status).toBe(404);

    const failed = await running();
    expect((await submit(agent, failed.execution, { success: false, error_message: "e" })).json).toEqual({
      request_id: failed.id,
      status: "failed",
    });
  });

  it("refuses a result that is longer than may be kept, and the request goes on", async () => {
    const { id, execution } = await running();
    const result = { success: true, result_data: JSON.stringify({ rows: ["x".repeat(100)] }) };
    expect(await submit(cast.as("agent"), execution, result)).toMatchObject({
      status: 413,
      json: { code: "payload.too_large" },
    });
    expect(await statusOf(id)).toBe("running");
    expect((await submit(cast.as("agent"), execution, { success: 1 })).status).toBe(422);
    expect((await submit(cast.as("agent"), execution, {})).status).toBe(422);
  });

  it("explains a statement before anybody executes it", async () => {
    const id = await ask({ environment: "production" });
    const capabilities = { scopes: [{ database: "app", environment: "production" }] };
    const { dry_run_jobs } = (await poll(cast.as("agent"), { capabilities })).json;
    const job = dry_run_jobs.find((each: { request_id: string }) => each.request_id === id);
    expect(job.sql).toMatch(/^select 1$/i);
    const path = `/api/agent/dry-run/${job.id}`;
    const claimed = await cast.as("agent").post(`${path}/claim`);
    expect(claimed).toMatchObject({ status: 200, json: { claim_token: expect.any(String) } });
    expect((await cast.as("agent").post(`${path}/claim`)).status).toBe(409);
    const { claim_token } = claimed.json;
    const plan = [{ Plan: { "Node Type": "Result" } }];
    expect((await cast.as("agent").post(`${path}/result`, { claim_token: "x", result: plan })).status).toBe(
      409,
    );
    expect(await cast.as("agent").post(`${path}/result`, { claim_token, result: plan })).toMatchObject({
      status: 200,
      text: "",
    });
    const { context } = (await cast.as("requester").get(`/api/requests/${id}`)).json;
    expect(context).toMatchObject({ status: "ready", explain_enabled: true, explain: [{ plan }] });
  });
});

describe("without [result_storage]", () => {
  const bare = useServer({ toml: CONFIG.replace("[result_storage]", "") });

  it("keeps no result at all: whatever an agent reports is too long", async () => {
    const asked = expectStatus(await bare.as("requester").post("/api/requests", STAGING), 201);
    await poll(bare.as("agent"));
    const { execution_id } = await claim(bare.as("agent"), asked.id as string);
    expect(await bare.as("agent").post(`/api/agent/jobs/${execution_id}/result`, ONE_ROW)).toMatchObject({
      status: 413,
      json: { code: "payload.too_large" },
    });
  });
});
