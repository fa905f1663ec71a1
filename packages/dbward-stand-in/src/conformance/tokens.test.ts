import { describe, expect, it } from "vitest";
import { mintAgent, poll } from "./support/agent-calls.ts";
import { type Expectation, holds, ID, PREFIX, TIME, TOKEN, titled, useServer } from "./support/cast.ts";
import { expectStatus } from "./support/server.ts";

const cast = useServer();
const HOUR = 3_600_000;

describe("minting", () => {
  it("answers for an agent with the only look at the token", async () => {
    const answer = await cast
      .as("admin")
      .post("/api/tokens", { subject_id: "reports", subject_type: "agent", name: "reports" });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: ID,
      token: TOKEN,
      prefix: PREFIX,
      subject_id: "reports",
      scope_ceiling: null,
      effective_roles: ["agent-default"],
      effective_permissions: ["agent.operate"],
      expires_at: null,
    });
    expect(answer.json.prefix).toBe(answer.json.token.slice(4, 12));
    expect((await poll(cast.server.as(answer.json.token))).status).toBe(200);
  });

  it("answers for oneself with one's roles as the ceiling", async () => {
    const user = await cast.server.user(["approver"]);
    const answer = await user.post("/api/tokens", { subject_id: user.id, subject_type: "user" });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      scope_ceiling: { roles: ["approver"] },
      effective_roles: ["approver"],
      effective_permissions: [
        "request.view",
        "result.view",
        "schema.read",
        "token.create",
        "token.revoke",
        "workflow.read",
      ],
    });
    expect((await cast.server.as(answer.json.token).get("/api/me")).status).toBe(200);
  });

  const create = (
    name: string,
    body: object,
    more: Partial<Expectation> & Pick<Expectation, "status">,
  ): Expectation => ({ name, as: "admin", call: "POST /api/tokens", body, ...more });
  const agent = { subject_id: "limits", subject_type: "agent" };
  const invalid = { status: 400, code: "validation.failed" };
  const plain = { status: 422, text: /^[^{]/ };
  it.each(
    titled([
      create(
        "for another user",
        { subject_id: "agent", subject_type: "user" },
        { status: 403, code: "forbidden" },
      ),
      create("by who may not", agent, { as: "requester", status: 403, code: "forbidden" }),
      create("another subject type", { subject_id: "x", subject_type: "robot" }, invalid),
      create("an empty subject", { subject_id: "", subject_type: "agent" }, invalid),
      create("an end in the past", { ...agent, expires_at: "2020-01-01T00:00:00Z" }, invalid),
      create("a ceiling", { ...agent, scope_ceiling: { roles: ["admin"] } }, invalid),
      create("no subject", { subject_type: "agent" }, plain),
      create("no subject type", { subject_id: "x" }, plain),
      create("a member that it doesn't know", { ...agent, nope: 1 }, plain),
      create("no date", { ...agent, expires_at: "tomorrow" }, plain),
      create(
        "the agents' own ceiling",
        { ...agent, scope_ceiling: { roles: ["agent-default"] } },
        { status: 201 },
      ),
      create("an empty name", { subject_id: "n1", subject_type: "agent", name: "" }, { status: 201 }),
      create("the same name again", { subject_id: "n1", subject_type: "agent", name: "" }, { status: 201 }),
      create(
        "a long name",
        { subject_id: "n1", subject_type: "agent", name: "x".repeat(300) },
        { status: 201 },
      ),
      create("any subject", { subject_id: "ä / ?", subject_type: "agent" }, { status: 201 }),
    ]),
  )("%s", async (_, expectation) => {
    await holds(cast, expectation);
  });

  it("refuses the sixth active token of a subject; revoking makes room, an end in time doesn't", async () => {
    const admin = cast.as("admin");
    const mint = (more: object = {}) =>
      admin.post("/api/tokens", { subject_id: "five", subject_type: "agent", ...more });
    const soon = new Date(Date.now() + 300).toISOString();
    const first = expectStatus(await mint({ expires_at: soon }), 201);
    for (let made = 1; made < 5; made++) expectStatus(await mint(), 201);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect((await poll(cast.server.as(first.token as string))).status).toBe(401);
    expect(await mint()).toMatchObject({ status: 400, json: { code: "validation.failed" } });
    expectStatus(await admin.send("DELETE", `/api/tokens/${first.id}`), 200);
    expect((await mint()).status).toBe(201);
    expect((await mint()).status).toBe(400);
  });

  it("counts the bootstrap token", async () => {
    const mint = () => cast.as("admin").post("/api/tokens", { subject_id: "agent", subject_type: "agent" });
    for (let made = 1; made < 5; made++) expectStatus(await mint(), 201);
    expect((await mint()).status).toBe(400);
  });

  it("has no limit for the number of agents", async () => {
    for (let number = 0; number < 25; number++) await mintAgent(cast.as("admin"), `many-${number}`);
  });
});

describe("looking at tokens", () => {
  it("lists them without the bootstrap tokens and without their value", async () => {
    const expiresAt = new Date(Date.now() + HOUR).toISOString();
    const minted = await mintAgent(cast.as("admin"), "listed", { name: "n", expires_at: expiresAt });
    const { tokens } = expectStatus(await cast.as("admin").get("/api/tokens"), 200) as {
      tokens: { id: string }[];
    };
    expect(tokens.find(({ id }) => id === minted.id)).toEqual({
      id: minted.id,
      subject_type: "agent",
      subject_id: "listed",
      token_prefix: minted.token!.slice(4, 12),
      scope_ceiling: null,
      name: "n",
      status: "active",
      expires_at: TIME,
      created_at: TIME,
      revoked_at: null,
    });
    const bootstrap = [cast.as("admin"), cast.as("agent")].map(({ token }) => token!.slice(4, 12));
    expect(JSON.stringify(tokens)).not.toMatch(new RegExp(`dbw_|${bootstrap.join("|")}`));
    expect((await cast.as("operator").get("/api/tokens")).status).toBe(403);
  });

  it("keeps an expired one as active", async () => {
    const soon = new Date(Date.now() + 300).toISOString();
    const { id } = await mintAgent(cast.as("admin"), "expired", { expires_at: soon });
    await new Promise((resolve) => setTimeout(resolve, 400));
    const { tokens } = (await cast.as("admin").get("/api/tokens")).json;
    expect(tokens.find((each: { id: string }) => each.id === id)).toMatchObject({ status: "active" });
  });

  it("calls the token of a user `initial`, with the user's roles as its ceiling", async () => {
    const user = await cast.server.user(["requester"]);
    const { tokens } = (await cast.as("admin").get("/api/tokens")).json;
    expect(tokens.find((each: { subject_id: string }) => each.subject_id === user.id)).toMatchObject({
      subject_type: "user",
      name: "initial",
      scope_ceiling: { roles: ["requester"] },
    });
  });

  it("looks into one", async () => {
    const { id } = await mintAgent(cast.as("admin"), "inspected");
    expect((await cast.as("admin").get(`/api/tokens/${id}/inspect`)).json).toEqual({
      id,
      subject_id: "inspected",
      subject_type: "agent",
      scope_ceiling: null,
      resolved_roles: ["agent-default"],
      effective_roles: ["agent-default"],
      effective_permissions: ["agent.operate"],
      status: "active",
    });
    expect((await cast.as("requester").get(`/api/tokens/${id}/inspect`)).status).toBe(403);
    expect((await cast.as("admin").get("/api/tokens/nope/inspect")).status).toBe(404);
  });
});

describe("revoking", () => {
  it("refuses the token at once, and can be done again", async () => {
    const agent = await mintAgent(cast.as("admin"), "gone");
    expect((await poll(agent)).status).toBe(200);
    const revoke = () => cast.as("admin").send("DELETE", `/api/tokens/${agent.id}`);
    expect(await revoke()).toMatchObject({ status: 200, json: { id: agent.id, revoked_at: TIME } });
    expect((await poll(agent)).status).toBe(401);
    expect((await revoke()).status).toBe(200);
    const { tokens } = (await cast.as("admin").get("/api/tokens")).json;
    expect(tokens.find((each: { id: string }) => each.id === agent.id)).toMatchObject({
      status: "revoked",
      revoked_at: TIME,
    });
  });

  it("is for one's own tokens, unless one is an admin", async () => {
    const user = await cast.server.user(["requester"]);
    const { id } = expectStatus(
      await user.post("/api/tokens", { subject_id: user.id, subject_type: "user" }),
      201,
    );
    expect((await cast.as("requester").send("DELETE", `/api/tokens/${id}`)).status).toBe(403);
    expect((await user.send("DELETE", `/api/tokens/${id}`)).status).toBe(200);
    expect(
      (await cast.as("admin").send("DELETE", "/api/tokens/00000000-0000-4000-8000-000000000000")).status,
    ).toBe(404);
  });
});

describe("other limits", () => {
  const unlimited = useServer({
    toml: '[auth.token_policy]\nmax_active_tokens_per_user = 0\n[[auth.roles]]\nname = "cloudwatch-metrics"\npermissions = ["metrics.view"]\n',
  });

  it("takes the number from the file, and 0 for none", async () => {
    for (let made = 0; made < 7; made++) await mintAgent(unlimited.as("admin"), "unlimited");
  });
});
