import { readdir, rename, rm, stat } from "node:fs/promises";
import { describe } from "vitest";
import { mintAgent, poll } from "./support/agent-calls.ts";
import { sandboxed as it } from "./support/sandboxed.ts";
import { CONFIG, expectStatus, type RunningServer, type ServerSandbox } from "./support/server.ts";

const FILES = ["admin-token", "agent-token", "requester-token"];
const tokens = (sandbox: ServerSandbox) => Promise.all(FILES.map((name) => sandbox.read(name)));
/** Ends a server as a crash does and starts it again on the same state. */
async function restart(server: RunningServer, args: readonly string[] = []): Promise<RunningServer> {
  await server.program.kill();
  return server.sandbox.start({ args });
}
/** A start that is refused. @returns its lines, and what it ended with */
async function refused(
  sandbox: ServerSandbox,
  toml: string = CONFIG,
): Promise<{ code: number | null; output: string }> {
  const { program } = await sandbox.spawn({ toml });
  return { code: await program.ended(), output: program.output.join("\n") };
}

describe("the first start", { concurrent: true }, () => {
  it("writes the tokens and what else belongs into the state directory", async ({ sandbox, expect }) => {
    const server = await sandbox.start();
    const [admin, agent, requester] = await tokens(sandbox);
    for (const name of FILES) {
      const { mode, size } = await stat(sandbox.path(name));
      expect([mode & 0o777, size], name).toEqual([0o600, 36]);
    }
    expect(admin).toMatch(/^dbw_[0-9a-f]{32}$/);
    expect(agent).toMatch(/^dbw_[0-9a-f]{32}$/);
    expect(agent).not.toBe(admin);
    expect(requester).toBe(admin);
    expect(await readdir(sandbox.path(""))).toEqual(
      expect.arrayContaining([
        "admin-token",
        "agent-token",
        "audit-keys.json",
        "audit-signing.key",
        "dbward.db",
        "requester-token",
        "results",
        "server.pid",
        "signing.key",
      ]),
    );
    for (const [name, mode] of [
      ["dbward.db", 0o644],
      ["signing.key", 0o600],
      ["audit-signing.key", 0o600],
    ] as const)
      expect((await stat(sandbox.path(name))).mode & 0o777, name).toBe(mode);
    expect((await server.as(admin).get("/api/me")).json).toMatchObject({
      subject_id: "admin",
      roles: expect.arrayContaining([
        expect.objectContaining({ name: "admin" }),
        expect.objectContaining({ name: "requester" }),
      ]),
    });
    expect((await server.as(admin).get("/api/users/agent")).json.roles).toEqual(["agent-default"]);
    expect((await poll(server.as(agent))).status).toBe(200);
  });

  it("prints no token", async ({ sandbox, expect }) => {
    const server = await sandbox.start();
    await server.user(["requester"]);
    await mintAgent(await server.admin(), "minted");
    expect(server.program.output.join("\n")).not.toMatch(/dbw_[0-9a-f]/);
  });
});

describe("further starts", { concurrent: true }, () => {
  it("keep tokens, users, requests and agents' rows", async ({ sandbox, expect }) => {
    const first = await sandbox.start();
    const before = await tokens(sandbox);
    const user = await first.user(["cloudwatch-metrics"]);
    const request = { database: "app", environment: "staging", detail: "select 1" };
    const { id } = expectStatus(await (await first.admin()).post("/api/requests", request), 201);
    expectStatus(await poll(await first.agent()), 200);

    const second = await restart(first);
    expect(await tokens(sandbox)).toEqual(before);
    expect((await second.as(user.token).get("/api/agents")).json.agents).toMatchObject([{ id: "agent" }]);
    expect((await (await second.admin()).get(`/api/requests/${id}`)).json.status).toBe("dispatched");
  });

  it.for(FILES)("are refused without %s, until it is made anew", async (name, { sandbox, expect }) => {
    const first = await sandbox.start();
    const lost = await sandbox.read("admin-token");
    const minted = await mintAgent(await first.admin(), "minted");
    await first.program.kill();
    await rm(sandbox.path(name));
    expect(await refused(sandbox)).toEqual({
      code: 1,
      output: expect.stringMatching(new RegExp(`^Error: .*${name}`, "m")),
    });

    const forced = await sandbox.start({ args: ["--force-bootstrap"] });
    expect((await forced.as(lost).get("/api/me")).status).toBe(401);
    expect((await (await forced.admin()).get("/api/me")).status).toBe(200);
    expect((await poll(forced.as(minted.token))).status).toBe(200);
  });

  it("look whether the files are there, not at what is in them", async ({ sandbox, expect }) => {
    const first = await sandbox.start();
    const admin = await sandbox.read("admin-token");
    await first.program.kill();
    await rename(sandbox.path("agent-token"), sandbox.path("admin-token"));
    await rename(sandbox.path("requester-token"), sandbox.path("agent-token"));
    await rename(sandbox.path("server.pid"), sandbox.path("requester-token"));
    const second = await sandbox.start();
    expect((await second.as(admin).get("/api/me")).status).toBe(200);
  });

  it("bootstrap again when the database was removed", async ({ sandbox, expect }) => {
    const first = await sandbox.start();
    const before = await tokens(sandbox);
    await first.program.kill();
    for (const name of await readdir(sandbox.path("")))
      if (name.startsWith("dbward.db")) await rm(sandbox.path(name));
    const second = await sandbox.start();
    const after = await tokens(sandbox);
    for (const [index, token] of after.entries()) expect(token).not.toBe(before[index]);
    expect((await second.as(before[0]).get("/api/me")).status).toBe(401);
    expect((await second.as(after[0]).get("/api/me")).status).toBe(200);
  });

  it("are refused because of a token named `bootstrap-…`, until forced or revoked", async ({
    sandbox,
    expect,
  }) => {
    const first = await sandbox.start();
    const named = await mintAgent(await first.admin(), "x", { name: "bootstrap-x" });
    await first.program.kill();
    expect(await refused(sandbox)).toEqual({ code: 1, output: expect.stringMatching(/^Error: /m) });
    const forced = await sandbox.start({ args: ["--force-bootstrap"] });
    expect((await poll(forced.as(named.token))).status).toBe(401);

    const again = await mintAgent(await forced.admin(), "x", { name: "bootstrap-again" });
    expectStatus(await (await forced.admin()).send("DELETE", `/api/tokens/${again.id}`), 200);
    await restart(forced);
  });

  it("take a name that only looks like it", async ({ sandbox, expect }) => {
    const first = await sandbox.start();
    const admin = await first.admin();
    for (const name of ["Bootstrap-x", "bootstrap", "my-bootstrap-token"])
      await mintAgent(admin, "x", { name });
    const second = await restart(first);
    expect((await (await second.admin()).get("/api/tokens")).json.tokens).toHaveLength(3);
  });

  it("make new tokens each time they are forced, and leave all others alone", async ({ sandbox, expect }) => {
    const first = await sandbox.start();
    const user = await first.user(["cloudwatch-metrics"]);
    const further = expectStatus(
      await (await first.admin()).post("/api/users/admin/reissue-initial-token"),
      200,
    );
    const [before] = await tokens(sandbox);
    const second = await restart(first, ["--force-bootstrap"]);
    const [between] = await tokens(sandbox);
    const third = await restart(second, ["--force-bootstrap"]);
    const [after] = await tokens(sandbox);
    expect(new Set([before, between, after]).size).toBe(3);
    for (const [token, status] of [
      [before, 401],
      [between, 401],
      [after, 200],
      [user.token, 200],
      [further.token as string, 200],
    ] as const)
      expect((await third.as(token).get("/api/me")).status).toBe(status);
  });
});

describe("sections that were in the file once", { concurrent: true }, () => {
  const withEverything = `${CONFIG}
[[execution_policies]]
database = "app"
[[result_policies]]
database = "app"
[[notification_policies]]
database = "app"
`;
  const without = (section: string) =>
    withEverything
      .split(/^(?=\[)/m)
      .filter((block) => !block.startsWith(`[[${section}`))
      .join("");

  it("can't be left out later; roles and groups can", async ({ sandbox, expect }) => {
    await (await sandbox.start({ toml: withEverything })).program.kill();
    for (const section of [
      "databases",
      "workflows",
      "execution_policies",
      "result_policies",
      "notification_policies",
    ])
      expect(await refused(sandbox, without(section)), section).toEqual({
        code: 1,
        output: expect.stringMatching(new RegExp(`^Error: .*${section}`, "m")),
      });
    await sandbox.start({ toml: without("auth") });
  });
});

describe("a second server on the same state", { concurrent: true }, () => {
  it("starts and answers: nothing stops it", async ({ sandbox, expect }) => {
    const first = await sandbox.start();
    const second = await sandbox.start();
    for (const server of [first, second])
      expect((await (await server.admin()).get("/api/me")).status).toBe(200);
    const user = await second.user(["cloudwatch-metrics"]);
    expect((await first.as(user.token).get("/api/me")).status).toBe(200);
  });
});
