import { access, readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { DbwardClient } from "@dbward-aws/dbward-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Sandbox } from "../test-support/stand-in-process.ts";
import { isPrivateHost } from "./private-address.ts";

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox.dispose());

const DATABASE_URL = "postgres://app:hunter2@db:5432/app";

const agentToml = (serverUrl: string) => `
agent_id = "ecs-agent"
poll_interval_ms = 20
max_concurrent_tasks = 2
drain_timeout_secs = 10
[server]
url = "${serverUrl}"
agent_token = "\${DBWARD_AGENT_TOKEN}"
[databases.app.production]
url = "\${DATABASE_URL}"
`;

/** Asks again and again until the answer is the one waited for; the test's own time limit ends it. */
async function until<T>(ask: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    await setImmediate();
  }
}

async function startBoth(toml = "") {
  const server = await sandbox.server({ toml });
  const url = await server.url();
  const admin = await readFile(sandbox.path("data/admin-token"), "utf8");
  const token = await readFile(sandbox.path("data/agent-token"), "utf8");
  const agent = await sandbox.agent(agentToml(url), { DBWARD_AGENT_TOKEN: token, DATABASE_URL });
  const api = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${admin}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await response.json()) as { id: string; status: string; error: string | null };
  };
  const request = (sql: string) =>
    api("POST", "/api/requests", { database: "app", environment: "production", operation: "select", sql });
  const status = async (id: string) => (await api("GET", `/api/requests/${id}`)).status;
  return { server, url, admin, token, agent, api, request, status };
}

describe("the agent", () => {
  it("becomes healthy, waits for approval, executes, and drains", async () => {
    const { url, admin, token, agent, api, request, status } = await startBoth();
    const client = new DbwardClient({ url });
    const row = async () => (await client.agents({ token: admin }))[0]!;
    await agent.line(/connected to the server/);
    expect(await row()).toEqual({
      id: "default-agent",
      status: "healthy",
      lastPollAgeSeconds: 0,
      inFlight: 0,
      maxConcurrent: 2,
    });
    await access(sandbox.path("dbward-agent-ready"));
    await access(sandbox.path("dbward-agent-alive"));

    const first = await request("select 1");
    expect(first.status).toBe("pending");
    expect((await api("POST", `/api/requests/${first.id}/approve`)).status).toBe("approved");
    await until(async () => (await status(first.id)) === "succeeded");

    const long = [await request("select pg_sleep(2)"), await request("select pg_sleep(2), stand_in_fail()")];
    const waiting = await request("select 2");
    for (const { id } of [...long, waiting]) await api("POST", `/api/requests/${id}/approve`);
    await until(async () => (await row()).status === "saturated");
    expect(await status(waiting.id)).toBe("approved");

    agent.signal("SIGTERM");
    await until(async () => (await row()).status === "draining");
    expect(await agent.ended()).toBe(0);
    expect(await status(long[0]!.id)).toBe("succeeded");
    expect(await api("GET", `/api/requests/${long[1]!.id}`)).toMatchObject({
      status: "failed",
      error: "stand_in_fail() was called",
    });
    expect(await status(waiting.id)).toBe("approved");
    await expect(access(sandbox.path("dbward-agent-ready"))).rejects.toThrow();
    expect(agent.output[0]).toContain("this is the stand-in for dbward-agent");
    for (const secret of [token, "hunter2"]) expect(agent.output.join("\n")).not.toContain(secret);
    client.close();
  });

  it("executes at once what a workflow approves by itself", async () => {
    const { request, status } = await startBoth(
      '[[workflows]]\ndatabase = "app"\nenvironment = "*"\n[workflows.auto_approve]\n',
    );
    const { id, status: first } = await request("select 1");
    expect(first).toBe("approved");
    await until(async () => (await status(id)) === "succeeded");
  });

  it("is not ready while its token is refused", async () => {
    const server = await sandbox.server();
    const agent = await sandbox.agent(agentToml(await server.url()), {
      DBWARD_AGENT_TOKEN: "dbw_wrong",
      DATABASE_URL,
    });
    await agent.line(/poll refused: 401 unauthorized/);
    await access(sandbox.path("dbward-agent-alive"));
    await expect(access(sandbox.path("dbward-agent-ready"))).rejects.toThrow();
  });

  it.each([
    [
      "a variable that is not set",
      agentToml("http://127.0.0.1:1"),
      { DATABASE_URL },
      /^fatal: failed to load config .*DBWARD_AGENT_TOKEN is not set/,
    ],
    [
      "a URL of another database",
      agentToml("http://127.0.0.1:1"),
      { DBWARD_AGENT_TOKEN: "t", DATABASE_URL: "oracle://hunter2" },
      /^fatal: failed to load config .*databases\.app\.production: url must begin/,
    ],
    [
      "plain HTTP to a public address",
      agentToml("http://93.184.216.34:3000"),
      { DBWARD_AGENT_TOKEN: "t", DATABASE_URL },
      /^Error: refusing plain HTTP to 93\.184\.216\.34/,
    ],
    ["a file that doesn't parse", "a = \nhunter2", {}, /^fatal: failed to load config .*\(line 1/],
  ])("refuses %s", async (_, toml, environment, message) => {
    const agent = await sandbox.agent(toml, environment);
    expect(await agent.ended()).toBe(1);
    await agent.line(message);
    expect(agent.output.join("\n")).not.toContain("hunter2");
  });
});

describe("isPrivateHost", () => {
  it.each([
    ["10.1.2.3", true],
    ["172.31.0.1", true],
    ["172.32.0.1", false],
    ["192.168.1.1", true],
    ["127.0.0.1", true],
    ["8.8.8.8", false],
    ["[::1]", true],
    ["[fd00::1]", true],
    ["[2001:db8::1]", false],
    ["localhost", true],
    ["stand-in-server-without-dns", true],
    ["server.dbward-dev.internal", true],
    ["server.invalid", false],
  ])("%s: %s", async (host, expected) => {
    expect(await isPrivateHost(host)).toBe(expected);
  });
});
