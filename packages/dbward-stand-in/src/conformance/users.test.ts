import { describe, expect, it } from "vitest";
import { mintAgent } from "./support/agent-calls.ts";
import { type Expectation, holds, PREFIX, TIME, TOKEN, titled, useServer } from "./support/cast.ts";
import { expectStatus } from "./support/server.ts";

const cast = useServer();
const expectAll = (expectations: readonly Expectation[]) =>
  it.each(titled(expectations))("%s", async (_, expectation) => {
    await holds(cast, expectation);
  });

describe("making users", () => {
  it("answers with the only look at the token", async () => {
    const answer = await cast
      .as("admin")
      .post("/api/users", { id: "poller", roles: ["cloudwatch-metrics"], groups: [] });
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({
      id: "poller",
      token: TOKEN,
      token_prefix: PREFIX,
      roles: ["cloudwatch-metrics"],
      groups: [],
    });
    expect(answer.json.token_prefix).toBe(answer.json.token.slice(4, 12));
    expect((await cast.server.as(answer.json.token).get("/api/agents")).status).toBe(200);
  });

  const create = (
    name: string,
    body: object,
    more: Pick<Expectation, "status" | "code" | "answer">,
  ): Expectation => ({
    name,
    as: "admin",
    call: "POST /api/users",
    body,
    ...more,
  });
  expectAll([
    create(
      "an id that is taken",
      { id: "admin", roles: ["admin"] },
      { status: 409, code: "request.conflict" },
    ),
    create("an unknown role", { id: "x", roles: ["nope"] }, { status: 400, code: "validation.failed" }),
    create("an unknown group", { id: "x", groups: ["nope"] }, { status: 400, code: "validation.failed" }),
    create("no id", { roles: [] }, { status: 400, code: "validation.failed" }),
    create("an id that is not a text", { id: 5 }, { status: 400, code: "validation.failed" }),
    create("an empty id", { id: "" }, { status: 400, code: "validation.failed" }),
    create("an id of 129", { id: "x".repeat(129) }, { status: 400, code: "validation.failed" }),
    create("a blank in the id", { id: "a b" }, { status: 400, code: "validation.failed" }),
    create("a slash in the id", { id: "a/b" }, { status: 400, code: "validation.failed" }),
    create("an id of 128", { id: "x".repeat(128), roles: [] }, { status: 201 }),
    create("every kind of letter", { id: "aZ09-_@.", roles: ["approver"] }, { status: 201 }),
    create(
      "roles that are not an array",
      { id: "r1", roles: "admin" },
      { status: 201, answer: { roles: [] } },
    ),
    create("unknown members", { id: "r2", role: "admin" }, { status: 201, answer: { roles: [] } }),
    create(
      "a group",
      { id: "r3", groups: ["team"] },
      { status: 201, answer: { groups: ["team"], roles: ["approver"] } },
    ),
    { as: "operator", call: "POST /api/users", body: { id: "x" }, status: 403, code: "forbidden" },
    { as: "nobody", call: "POST /api/users", body: { id: "x" }, status: 401, code: "unauthorized" },
  ]);
});

describe("looking at users", () => {
  it("lists them, without the groups that they are in", async () => {
    await cast.as("admin").post("/api/users", { id: "member", roles: ["requester"], groups: ["team"] });
    const { users } = expectStatus(await cast.as("admin").get("/api/users"), 200) as {
      users: { id: string }[];
    };
    expect(users.map(({ id }) => id)).toEqual(expect.arrayContaining(["admin", "agent", "member"]));
    expect(users.find(({ id }) => id === "member")).toEqual({
      id: "member",
      display_name: null,
      email: null,
      groups: [],
      roles: ["requester"],
      status: "active",
      last_seen_at: null,
      created_at: TIME,
      updated_at: TIME,
    });
    expect(await (await cast.as("admin").get("/api/users/member")).json).toEqual({
      id: "member",
      display_name: null,
      email: null,
      status: "active",
      roles: ["requester"],
      groups: ["team"],
      created_at: TIME,
    });
    expect((await cast.as("admin").get("/api/groups/team")).json).toEqual({
      name: "team",
      members: expect.arrayContaining(["member"]),
    });
  });

  it("lists the newest first", async () => {
    await cast.as("admin").post("/api/users", { id: "newest", roles: [] });
    const { users } = (await cast.as("admin").get("/api/users")).json;
    expect(users[0].id).toBe("newest");
  });

  it("shows everybody themselves, with all that they may do", async () => {
    const answer = await cast.as("poller").get("/api/me");
    expect(answer.json).toEqual({
      subject_id: expect.any(String),
      subject_type: "user",
      roles: [
        { name: "cloudwatch-metrics", permissions: ["metrics.view"], databases: ["*"], environments: ["*"] },
      ],
      groups: [],
    });
    const { subject_id } = answer.json;
    expect((await cast.as("poller").get(`/api/users/${subject_id}`)).status).toBe(200);
    expect((await cast.as("poller").get("/api/users/admin")).status).toBe(403);
  });

  it("knows what the built-in roles may do", async () => {
    const may = async (caller: "admin" | "requester" | "approver" | "operator") =>
      (await cast.as(caller).get("/api/me")).json.roles.map(
        ({ name, permissions }: { name: string; permissions: string[] }) => [name, permissions.toSorted()],
      );
    const requester = [
      "request.cancel",
      "request.ddl",
      "request.dml",
      "request.preflight",
      "request.preflight_explain",
      "request.query",
      "request.resume",
      "request.view",
      "result.view",
      "schema.read",
      "token.create",
      "token.revoke",
      "workflow.read",
    ];
    expect(Object.fromEntries(await may("admin"))).toEqual({
      admin: [
        "audit.read",
        "metrics.view",
        "policy.write",
        "role.write",
        "token.create",
        "token.create_agent",
        "token.list",
        "token.reissue",
        "token.revoke",
        "user.read",
        "user.write",
        "webhook.write",
        "workflow.read",
        "workflow.write",
      ],
      requester,
    });
    expect(await may("requester")).toEqual([["requester", requester]]);
    expect(await may("approver")).toEqual([
      [
        "approver",
        ["request.view", "result.view", "schema.read", "token.create", "token.revoke", "workflow.read"],
      ],
    ]);
    expect(await may("operator")).toEqual([
      [
        "operator",
        [
          "audit.read",
          "metrics.view",
          "request.break_glass_ddl",
          "request.break_glass_dml",
          "request.break_glass_query",
          "request.cancel",
          "request.ddl",
          "request.dml",
          "request.query",
          "request.resume",
          "request.view",
          "result.view",
          "schema.read",
          "token.create",
          "token.revoke",
          "workflow.read",
        ],
      ],
    ]);
  });
});

describe("changing users", () => {
  const patch = (id: string, body: object) =>
    cast
      .as("admin")
      .send("PATCH", `/api/users/${id}`, { body: JSON.stringify(body), type: "application/json" });
  const rolesOf = async (id: string) => (await cast.as("admin").get(`/api/users/${id}`)).json.roles;

  it("sets, adds and takes roles and groups", async () => {
    await cast.as("admin").post("/api/users", { id: "changed", roles: ["requester"] });
    expect((await patch("changed", { roles: ["approver"] })).json).toEqual({ id: "changed", updated: true });
    expect(await rolesOf("changed")).toEqual(["approver"]);
    expect((await patch("changed", { add_roles: ["operator"], rm_roles: ["approver"] })).status).toBe(200);
    expect(await rolesOf("changed")).toEqual(["operator"]);
    expect((await patch("changed", { add_groups: ["team"] })).status).toBe(200);
    expect((await cast.as("admin").get("/api/users/changed")).json.groups).toEqual(["team"]);
    expect((await patch("changed", { rm_groups: ["team"] })).status).toBe(200);
    expect((await cast.as("admin").get("/api/users/changed")).json.groups).toEqual([]);
  });

  it.each([
    [{}, 400],
    [{ name: "x" }, 400],
    [{ roles: ["nope"] }, 400],
    [{ add_roles: ["nope"] }, 400],
    [{ add_groups: ["nope"] }, 400],
  ])("refuses %j with %i", async (body, status) => {
    await cast.as("admin").post("/api/users", { id: "unchanged", roles: [] });
    const answer = await patch("unchanged", body);
    expect(answer.status).toBe(status);
    expect(answer.json.code).toBe("validation.failed");
  });

  it("refuses to take the last admin's role, to suspend and to delete them", async () => {
    for (const answer of [
      await patch("admin", { rm_roles: ["admin"] }),
      await cast.as("admin").post("/api/users/admin/suspend"),
      await cast.as("admin").send("DELETE", "/api/users/admin"),
    ]) {
      expect(answer.status, answer.call).toBe(400);
      expect(answer.json.code).toBe("validation.failed");
    }
    expect((await patch("nobody-at-all", { roles: [] })).status).toBe(404);
  });

  it("takes what was set for the token that the user has: never more than it was made with", async () => {
    const user = await cast.server.user(["requester"]);
    expect((await patch(user.id, { add_roles: ["operator"] })).status).toBe(200);
    expect((await user.get("/api/me")).json.roles.map(({ name }: { name: string }) => name)).toEqual([
      "requester",
    ]);
    expect((await patch(user.id, { roles: ["operator"] })).status).toBe(200);
    expect((await user.get("/api/me")).json.code).toBe("auth.insufficient_scope");
  });
});

describe("the free plan", () => {
  const limited = useServer();

  it("has 20 active users, of which `admin` and `agent` are two", async () => {
    const admin = limited.as("admin");
    const make = (id: string) => admin.post("/api/users", { id, roles: [] });
    const { users } = expectStatus(await admin.get("/api/users"), 200) as { users: unknown[] };
    for (let number = users.length; number < 20; number++) expectStatus(await make(`filler-${number}`), 201);
    expect(await make("one-too-many")).toMatchObject({
      status: 402,
      json: { code: "policy.limit_exceeded", hint: expect.any(String) },
    });
    await mintAgent(admin, "not-a-user");
    expectStatus(await admin.send("DELETE", "/api/users/filler-19"), 200);
    expect((await make("one-too-many")).status).toBe(201);
    expect((await make("another")).status).toBe(402);
  });
});
