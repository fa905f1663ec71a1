import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { ConflictError, DbwardClient, requestCounts, TokenRefusedError } from "@dbward-aws/dbward-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Sandbox, type StandInProcess } from "../test-support/stand-in-process.ts";

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox.dispose());

const METRICS_ROLE = '[[auth.roles]]\nname = "cloudwatch-metrics"\npermissions = ["metrics.view"]\n';

const tokenFile = (name: string) => readFile(sandbox.path(`data/${name}`), "utf8");

/** Calls the API as the holder of a token. */
async function call(url: string, token: string, method: string, path: string, body?: unknown) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    version: response.headers.get("x-dbward-version"),
    body: await response.json(),
  };
}

async function stop(server: StandInProcess): Promise<void> {
  server.signal("SIGTERM");
  expect(await server.ended()).toBe(0);
}

describe("first start", () => {
  it("writes its tokens as dbward does, and keeps hashes alone", async () => {
    const server = await sandbox.server();
    await server.url();
    const [admin, agent, requester] = await Promise.all(
      ["admin-token", "agent-token", "requester-token"].map(tokenFile),
    );
    expect(admin).toMatch(/^dbw_[0-9a-f]{32}$/);
    expect(agent).toMatch(/^dbw_[0-9a-f]{32}$/);
    expect(agent).not.toBe(admin);
    expect(requester).toBe(admin);
    expect((await stat(sandbox.path("data/admin-token"))).mode & 0o777).toBe(0o600);
    expect(server.output[0]).toContain("this is the stand-in for dbward-server 0.2.0");
    await server.line(/\[init\] bootstrap tokens written to /);
    const state = await tokenFile("dbward.db");
    for (const token of [admin!, agent!]) expect(state + server.output.join("\n")).not.toContain(token);
  });

  it("writes nothing again at a restart, and the tokens go on working", async () => {
    const first = await sandbox.server();
    await first.url();
    const admin = await tokenFile("admin-token");
    await stop(first);
    const second = await sandbox.server();
    const url = await second.url();
    expect(await tokenFile("admin-token")).toBe(admin);
    expect(second.output.join("\n")).not.toContain("[init]");
    expect((await call(url, admin, "GET", "/api/agents")).status).toBe(200);
  });

  it("refuses to start without a token file, and makes new tokens when forced to", async () => {
    const first = await sandbox.server();
    await first.url();
    const lost = await tokenFile("admin-token");
    await stop(first);
    await rm(sandbox.path("data/admin-token"));

    const second = await sandbox.server();
    expect(await second.ended()).toBe(1);
    await second.line(
      /^Error: bootstrap token file\(s\) missing: \S+\/admin-token\. Run with --force-bootstrap to revoke existing tokens and generate new ones\.$/,
    );

    const third = await sandbox.server({ args: ["--force-bootstrap"] });
    const url = await third.url();
    expect((await call(url, lost, "GET", "/api/agents")).status).toBe(401);
    expect((await call(url, await tokenFile("admin-token"), "GET", "/api/agents")).status).toBe(200);
  });
});

describe("one writer", () => {
  it("refuses a second server on one state directory, loudly, and harms nothing", async () => {
    const first = await sandbox.server();
    const url = await first.url();
    const second = await sandbox.server();
    expect(await second.ended()).toBe(1);
    await second.line(/in use by another dbward-server \(pid \d+\); two writers corrupt the database/);
    expect((await call(url, await tokenFile("admin-token"), "GET", "/api/agents")).status).toBe(200);
    await stop(first);
    expect((await readdir(sandbox.path("data"))).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("lets one of three win that start at the same time", async () => {
    const servers = await Promise.all([sandbox.server(), sandbox.server(), sandbox.server()]);
    const urls = await Promise.allSettled(servers.map((server) => server.url()));
    expect(urls.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
  });

  it("takes over what a killed server left", async () => {
    const first = await sandbox.server();
    await first.url();
    first.signal("SIGKILL");
    await first.ended();
    await (await sandbox.server()).url();
  });

  it("counts a server that is stopped for the moment as a writer", async () => {
    const first = await sandbox.server();
    await first.url();
    first.signal("SIGSTOP");
    const second = await sandbox.server();
    expect(await second.ended()).toBe(1);
  });

  it("ends rather than write when its lock is gone", async () => {
    const server = await sandbox.server();
    const url = await server.url();
    await rm(sandbox.path("data/dbward.lock"));
    const admin = await tokenFile("admin-token");
    expect((await call(url, admin, "GET", "/ready")).status).toBe(503);
    await call(url, admin, "POST", "/api/users", { id: "late", roles: [] }).catch(() => undefined);
    expect(await server.ended()).toBe(1);
    await server.line(/lost the lock/);
    expect(await tokenFile("dbward.db")).not.toContain("late");
  });

  it("leaves the database of a real server alone", async () => {
    const first = await sandbox.server();
    await first.url();
    await stop(first);
    await writeFile(sandbox.path("data/dbward.db"), "SQLite format 3\0");
    const second = await sandbox.server();
    expect(await second.ended()).toBe(1);
    expect(await tokenFile("dbward.db")).toBe("SQLite format 3\0");
  });
});

describe("the API", () => {
  it("answers as dbward does", async () => {
    const server = await sandbox.server({ toml: METRICS_ROLE });
    const url = await server.url();
    const [admin, agent] = [await tokenFile("admin-token"), await tokenFile("agent-token")];
    const client = new DbwardClient({ url });
    const token = admin;

    expect(await client.health()).toEqual({ version: "0.2.0", minAgentVersion: "0.2.0" });
    expect(await client.ready()).toEqual({ state: "ready", checks: { sqlite: "ok" } });
    expect(await call(url, "dbw_wrong", "GET", "/api/agents")).toEqual({
      status: 401,
      version: "0.2.0",
      body: { error: "authentication failed", code: "unauthorized" },
    });
    expect(await call(url, agent, "GET", "/api/agents")).toMatchObject({
      status: 403,
      body: { error: "agent tokens cannot access this endpoint", code: "forbidden" },
    });
    expect(await call(url, admin, "POST", "/api/users", { id: "x", roles: ["X"] })).toMatchObject({
      status: 400,
      body: { error: "unknown role: X", code: "validation.failed" },
    });

    const poller = await client.createUser({ id: "poller", roles: ["cloudwatch-metrics"] }, { token });
    await expect(client.createUser({ id: "poller", roles: [] }, { token })).rejects.toBeInstanceOf(
      ConflictError,
    );
    expect(requestCounts(await client.metrics({ token: poller.token }))).toMatchObject({
      pending: 0,
      other: 0,
    });
    await expect(client.listTokens({ token: poller.token })).rejects.toMatchObject({ status: 403 });

    const reissued = await client.reissueInitialToken("poller", { token });
    await expect(client.agents({ token: poller.token })).rejects.toBeInstanceOf(TokenRefusedError);
    await client.agents({ token: reissued.token });

    const minted = await client.createAgentToken("payments-agent", "payments", { token });
    expect(await client.agents({ token })).toEqual(
      ["default-agent", "payments-agent"].map((id) => ({
        id,
        status: "offline",
        lastPollAgeSeconds: 9999,
        inFlight: 0,
        maxConcurrent: 0,
      })),
    );
    expect(
      await call(url, admin, "POST", "/api/tokens", { subject_id: "admin", subject_type: "user", name: "n" }),
    ).toMatchObject({ status: 403, body: { hint: "use POST /api/users" } });
    await client.revokeToken(minted.id, { token });
    const listed = (await client.listTokens({ token })).find(({ id }) => id === minted.id);
    expect(listed).toMatchObject({ status: "revoked", prefix: minted.token.slice(0, 8) });
    expect(await client.agents({ token })).toHaveLength(1);
    client.close();

    const written = server.output.join("\n") + (await tokenFile("dbward.db"));
    for (const secret of [admin, agent, poller.token, reissued.token, minted.token])
      expect(written).not.toContain(secret);
  });

  it("says that it is degraded when it is told to", async () => {
    const server = await sandbox.server();
    const url = await server.url();
    await writeFile(sandbox.path("data/stand-in-degraded"), "");
    const client = new DbwardClient({ url });
    expect(await client.ready()).toEqual({ state: "degraded", checks: { sqlite: "error" } });
    client.close();
  });

  it("drains on SIGTERM: reads are answered, writes refused", async () => {
    const server = await sandbox.server({ environment: { DBWARD_STANDIN_DRAIN_MS: "60000" } });
    const url = await server.url();
    const admin = await tokenFile("admin-token");
    server.signal("SIGTERM");
    await server.line(/draining/);
    expect(await call(url, admin, "GET", "/ready")).toMatchObject({
      status: 503,
      body: { status: "draining" },
    });
    expect((await call(url, admin, "GET", "/health")).status).toBe(200);
    expect((await call(url, admin, "GET", "/api/agents")).status).toBe(200);
    expect(await call(url, admin, "POST", "/api/users", { id: "a", roles: [] })).toMatchObject({
      status: 503,
      body: { error: "server_shutting_down", code: "service_unavailable" },
    });
  });
});

describe("the schema", () => {
  it("migrates at an upgrade, keeping the former file, and says nothing at a downgrade", async () => {
    const start = async (version: string) => {
      const server = await sandbox.server({ environment: { DBWARD_STANDIN_VERSION: version } });
      await server.url();
      return server;
    };
    await stop(await start("0.2.0"));
    const before = await tokenFile("dbward.db");
    await stop(await start("0.3.1"));
    expect(await tokenFile("dbward.db.bak.v2")).toBe(before);
    expect(JSON.parse(await tokenFile("dbward.db")).schema).toBe(3);
    await stop(await start("0.2.0"));
    expect(JSON.parse(await tokenFile("dbward.db")).schema).toBe(3);
  });
});

describe("a bad start", () => {
  it("ends at once on a config that it can't accept", async () => {
    const server = await sandbox.server({
      toml: '[[workflows]]\ndatabase = "app"\nenvironment = "production"\n',
    });
    expect(await server.ended()).toBe(1);
    await server.line(
      /^fatal: failed to load config \S+: workflows\[0\]: either auto_approve or steps is required$/,
    );
  });

  it("names an argument that it doesn't know", async () => {
    const server = await sandbox.server({ args: ["--nonsense"] });
    expect(await server.ended()).toBe(1);
    await server.line(/^error: .*--nonsense/);
  });
});
