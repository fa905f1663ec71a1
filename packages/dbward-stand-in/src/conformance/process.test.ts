import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect } from "vitest";
import { poll } from "./support/agent-calls.ts";
import { SERVER } from "./support/program.ts";
import { sandboxed as it } from "./support/sandboxed.ts";
import { CONFIG, expectStatus, type RunningServer, type ServerSandbox } from "./support/server.ts";

/**
 * Milliseconds between SIGTERM and the end of an idle server. The stand-in can be configured to be
 * quicker.
 */
const DRAIN_MS = SERVER.real ? 20_000 : 1_000;
const DRAIN = { DBWARD_STANDIN_DRAIN_MS: String(DRAIN_MS) };

describe("a start that is refused", { concurrent: true }, () => {
  it.for([
    ["a variable that isn't set", `${CONFIG}# \${NOPE}\n`, /^fatal: failed to load config/m],
    ["text that is not TOML", `${CONFIG}a = \n`, /^fatal: failed to load config/m],
    [
      "a workflow without a decision",
      `${CONFIG}[[workflows]]\ndatabase = "other"\n`,
      /^fatal: failed to load config/m,
    ],
    [
      "a name of a database",
      CONFIG.replace('environments = ["production", "staging"]', 'environments = ["Production"]'),
      /^Error: /m,
    ],
  ] as const)("because of %s", async ([, toml, line], { sandbox }) => {
    const { program } = await sandbox.spawn({ toml });
    expect(await program.ended()).toBe(1);
    expect(program.output.join("\n")).toMatch(line);
  });

  it("has bootstrapped already where the mistake is one of the sync", async ({ sandbox }) => {
    const toml = CONFIG.replace('environments = ["production", "staging"]', 'environments = ["Production"]');
    const { program } = await sandbox.spawn({ toml });
    expect(await program.ended()).toBe(1);
    const admin = await sandbox.read("admin-token");
    const server = await sandbox.start();
    expect((await server.as(admin).get("/api/me")).status).toBe(200);
  });

  it("ends with 1 for a port that is taken and for an address that is none", async ({ sandbox }) => {
    const { url } = await sandbox.start();
    const taken = await sandbox.spawn({ port: Number(new URL(url).port) });
    expect(await taken.program.ended()).toBe(1);
    for (const listen of ["localhost:3000", "127.0.0.1", ":3000", "nonsense"]) {
      const { program } = await sandbox.spawn({ args: ["--listen", listen], listen: false });
      expect(await program.ended(), listen).toBe(1);
    }
  });

  it("ends with 2 for arguments that it doesn't know", async ({ sandbox }) => {
    for (const args of [["--nonsense"], ["--force-bootstrap=x"], ["something"]]) {
      const { program } = await sandbox.spawn({ args });
      expect(await program.ended(), String(args)).toBe(2);
    }
  });

  it("ends with 1 for a file that isn't there", async ({ sandbox }) => {
    const { program } = await sandbox.spawn({ args: ["--license-file", "/nonexistent/licence"] });
    expect(await program.ended()).toBe(1);
  });

  it("ends with 1 for a licence key that is none; a blank one counts as none", async ({ sandbox }) => {
    const { program } = await sandbox.spawn({ environment: { DBWARD_LICENSE_KEY: "nonsense" } });
    expect(await program.ended()).toBe(1);
    await sandbox.start({ environment: { DBWARD_LICENSE_KEY: "" } });
  });

  it.for(["--version", "-v"])("prints its version for %s", async (flag, { sandbox }) => {
    const { program } = await sandbox.spawn({ args: [flag] });
    expect(await program.ended()).toBe(0);
    expect(program.output).toEqual(["dbward-server 0.2.0"]);
  });
});

describe("a start with results in S3", { concurrent: true }, () => {
  const toml = CONFIG.replace("[result_storage]", '[result_storage]\nbackend = "s3"\nbucket = "results"');
  const keys = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };

  it("refuses an endpoint over plain HTTP that isn't allowed, before the bootstrap", async ({ sandbox }) => {
    const environment = { ...keys, AWS_ENDPOINT_URL: "http://127.0.0.1:1" };
    const { program } = await sandbox.spawn({ toml, environment });
    expect(await program.ended()).toBe(1);
    await expect(sandbox.read("admin-token")).rejects.toThrow();
  });

  it("refuses a key without its secret", async ({ sandbox }) => {
    const { program } = await sandbox.spawn({
      toml: toml.replace("[[databases]]", 'access_key_id = "k"\n[[databases]]'),
    });
    expect(await program.ended()).toBe(1);
  });
});

describe("stopping", { concurrent: true }, () => {
  const stop = (server: RunningServer, signal: NodeJS.Signals = "SIGTERM") => {
    const since = Date.now();
    server.program.signal(signal);
    return async () => ({ code: await server.program.ended(), milliseconds: Date.now() - since });
  };
  const draining = async (server: RunningServer) => {
    while ((await server.as(undefined).get("/ready")).status !== 503) await delay(10);
  };

  it.for(["SIGTERM", "SIGINT"] as const)(
    "takes its time after %s, and a second signal changes nothing",
    async (signal, { sandbox }) => {
      const server = await sandbox.start({ environment: DRAIN });
      // A connection that is kept open without a call on it.
      expectStatus(await server.as(undefined).get("/health"), 200);
      const ended = stop(server, signal);
      await draining(server);
      server.program.signal(signal);
      const { code, milliseconds } = await ended();
      expect(code).toBe(0);
      expect(milliseconds).toBeGreaterThanOrEqual(DRAIN_MS - 100);
      expect(milliseconds).toBeLessThan(DRAIN_MS + 5_000);
    },
  );

  it("refuses new requests and claims alone while it drains", async ({ sandbox }) => {
    const server = await sandbox.start({ environment: DRAIN });
    const [admin, agent] = [await server.admin(), await server.agent()];
    const body = { database: "app", environment: "staging", detail: "select 1" };
    const { id } = expectStatus(await admin.post("/api/requests", body), 201);
    expectStatus(await poll(agent), 200);
    const streamed = admin.get(`/api/requests/${id}/result/stream`);
    await delay(100);
    stop(server);
    await draining(server);

    expect(await server.as(undefined).get("/ready")).toMatchObject({
      status: 503,
      json: { status: "draining" },
    });
    expect((await server.as(undefined).get("/health")).status).toBe(200);
    expect(await streamed).toMatchObject({ status: 204, text: "" });
    expect(await admin.post("/api/requests", body)).toMatchObject({
      status: 503,
      json: { error: "server_shutting_down", code: "service_unavailable" },
    });
    const claimed = await agent.post(`/api/agent/jobs/${id}/claim`);
    expect([claimed.status, claimed.json.code]).toEqual([503, undefined]);
    expect(await poll(agent)).toMatchObject({ status: 200, text: '{"jobs":[]}' });
    expect((await admin.get(`/api/requests/${id}`)).status).toBe(200);
    expect((await admin.post("/api/users", { id: "late", roles: ["requester"] })).status).toBe(201);
    expect((await admin.post("/api/users/late/reissue-initial-token")).status).toBe(200);
    expect((await admin.post("/api/tokens", { subject_id: "late", subject_type: "agent" })).status).toBe(201);
    expect((await admin.post(`/api/requests/${id}/cancel`)).status).toBe(200);
    expect((await admin.send("DELETE", "/api/users/late")).status).toBe(200);
  });

  it("waits for a call in flight", async ({ sandbox }) => {
    const server = await sandbox.start({ environment: DRAIN });
    const admin = await server.admin();
    const body = { database: "app", environment: "production", detail: "select 1" };
    const { id } = expectStatus(await admin.post("/api/requests", body), 201);
    const seconds = DRAIN_MS / 1_000 + 2;
    const waiting = admin.get(`/api/requests/${id}?wait=${Math.ceil(seconds)}`);
    await delay(100);
    const ended = stop(server);
    expect((await waiting).status).toBe(200);
    const { code, milliseconds } = await ended();
    expect(code).toBe(0);
    expect(milliseconds).toBeGreaterThan(DRAIN_MS + 1_000);
  });
});

describe("reading the file again", { concurrent: true }, () => {
  const write = (sandbox: ServerSandbox, toml: string) =>
    writeFile(
      join(sandbox.directory, "server.toml"),
      `state_dir = ${JSON.stringify(sandbox.path(""))}\n${toml}`,
    );

  it("does so on SIGHUP", async ({ sandbox }) => {
    const server = await sandbox.start();
    const admin = await server.admin();
    const databases = async () => (await admin.get("/api/databases")).json.databases.length;
    expect(await databases()).toBe(2);
    await write(
      sandbox,
      CONFIG.replace('"staging"]', '"staging", "qa"]').replace("metrics.view", "audit.read"),
    );
    server.program.signal("SIGHUP");
    while ((await databases()) !== 3) await delay(50);
    const auditor = await server.user(["cloudwatch-metrics"]);
    expect((await auditor.get("/api/audit/verify")).status).toBe(200);
  });

  it("passes over a file with a mistake", async ({ sandbox }) => {
    const server = await sandbox.start();
    await write(sandbox, `${CONFIG.replace('"staging"]', '"staging", "qa"]')}a = \n`);
    server.program.signal("SIGHUP");
    await server.program.line(/reload failed/);
    expect((await (await server.admin()).get("/api/databases")).json.databases).toHaveLength(2);
  });
});

describe("a database that can't be read", { concurrent: true }, () => {
  it("is reported by /ready and not by /health", async ({ sandbox }) => {
    const server = await sandbox.start();
    await rename(sandbox.path("dbward.db"), sandbox.path("elsewhere.db"));
    expect(await server.as(undefined).get("/ready")).toMatchObject({
      status: 503,
      json: { status: "degraded", checks: { sqlite: "unavailable" } },
    });
    expect((await server.as(undefined).get("/health")).status).toBe(200);
    await rename(sandbox.path("elsewhere.db"), sandbox.path("dbward.db"));
    expect((await server.as(undefined).get("/ready")).status).toBe(200);
  });

  it("is reported when another file is in its place", async ({ sandbox }) => {
    const server = await sandbox.start();
    await writeFile(sandbox.path("dbward.db"), "damaged".repeat(2_000), { flag: "r+" });
    expect(await server.as(undefined).get("/ready")).toMatchObject({
      status: 503,
      json: { status: "degraded", checks: { sqlite: "unavailable" } },
    });
    expect((await server.as(undefined).get("/health")).status).toBe(200);
  });
});
