import type { Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { listen } from "../database/front.ts";
import { agentToml, type RunningAgent, withAgents } from "./support/agent.ts";
import { openDatabase } from "./support/database.ts";
import { AGENT } from "./support/program.ts";
import { NO_JOBS, PUBLIC_KEY, ScriptedServer } from "./support/scripted-server.ts";

const POLL = "POST /api/agent/poll";
const KEY = "GET /api/public-key";
const SLOW = process.env.DBWARD_CONFORMANCE_SLOW === "1";
/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9";

const it = withAgents.extend<{ server: ScriptedServer }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures out of the pattern
  server: async ({}, use) => {
    const server = await ScriptedServer.start();
    try {
      await use(server);
    } finally {
      await server.close();
    }
  },
});

let database: Awaited<ReturnType<typeof openDatabase>>;
let refusing: Server;
beforeAll(async () => {
  database = await openDatabase();
  refusing = await listen({ user: "app", password: "right", database: "app" }, () => new Promise(() => {}));
});
afterAll(async () => {
  await database?.close();
  refusing?.close();
});

/** Waits for something that an agent brings about. @throws when it ends before */
const until = async ({ program }: RunningAgent, condition: () => boolean): Promise<void> => {
  while (!condition()) {
    if (!program.running) throw new Error(`the agent ended:\n${program.output.join("\n")}`);
    await delay(10);
  }
};
const ready = (agent: RunningAgent) => agent.until("ready", true);

describe("an agent's arguments and file", { concurrent: true }, () => {
  it("end it with 2 for a flag that it doesn't know", async ({ agents }) => {
    const agent = await agents.start(agentToml({ server: NOWHERE }), { args: ["--what"] });
    expect(await agent.program.ended()).toBe(2);
  });

  it.for([
    ["no URL of the server", '[server]\nagent_token = "x"\n[databases.app]\n'],
    ["a variable that is not set", agentToml({ server: NOWHERE }).replace("DBWARD_AGENT_TOKEN", "NOT_SET")],
    ["plain HTTP to a public name", agentToml({ server: "http://server.example.com:3000" })],
    ["plain HTTP to a name of .local", agentToml({ server: "http://server.local:3000" })],
    ["no databases", agentToml({ server: NOWHERE }).split("[databases]")[0]!],
  ] as const)("end it with 1 at once for %s, without files", async ([, toml], { agents }) => {
    const agent = await agents.start(toml);
    expect(await agent.program.ended()).toBe(1);
    expect([agent.has("alive"), agent.has("ready")]).toEqual([false, false]);
  });

  it.for([
    ["1", true],
    ["true", true],
    ["yes", false],
  ] as const)("take plain HTTP where DBWARD_ALLOW_INSECURE is %s: %s", async ([value, taken], { agents }) => {
    const toml = agentToml({ server: "http://localhost.:9", more: "startup_max_wait_secs = 0" });
    const agent = await agents.start(toml, { environment: { DBWARD_ALLOW_INSECURE: value } });
    if (taken) await agent.until("alive", true);
    else expect(await agent.program.ended()).toBe(1);
  });
});

describe("an agent that starts", { concurrent: true }, () => {
  it("has its files, empty, polls, and takes them away at the end", async ({ agents, server }) => {
    const toml = agentToml({
      server: server.url,
      databases: { "app.production": database.url },
      more: "max_concurrent_tasks = 3",
    });
    const agent = await agents.start(toml);
    await ready(agent);
    expect([agent.size("alive"), agent.size("ready")]).toEqual([0, 0]);
    await until(agent, () => server.count(POLL) >= 3);
    const [first, , third] = server.calls.filter(({ call }) => call === POLL);
    expect(first!.authorization).toBe(`Bearer dbw_${"0".repeat(32)}`);
    expect(first!.body).toMatchObject({
      capabilities: {
        scopes: [{ database: "app", environment: "production" }],
        operations: ["execute_select", "execute_dml", "migrate_up", "migrate_down", "migrate_status"],
      },
      agent_version: "0.2.0",
    });
    expect(third!.body.status).toMatchObject({
      in_flight: 0,
      max_concurrent: 3,
      draining: false,
      active_jobs: [],
    });
    agent.program.signal("SIGTERM");
    expect(await agent.program.ended()).toBe(0);
    expect([agent.has("alive"), agent.has("ready")]).toEqual([false, false]);
    expect(server.calls.filter(({ call }) => call === POLL).at(-1)!.body.status.draining).toBe(true);
  });

  it("writes JSON lines with DBWARD_LOG_FORMAT=json, and no token", async ({ agents, server }) => {
    const token = `dbw_${"ab".repeat(16)}`;
    const agent = await agents.start(agentToml({ server: server.url }), {
      token,
      environment: { DBWARD_LOG_FORMAT: "json" },
    });
    await ready(agent);
    const { output } = agent.program;
    expect(output.length).toBeGreaterThan(0);
    for (const line of output) expect(JSON.parse(line)).toBeTypeOf("object");
    expect(output.join("\n")).not.toContain(token);
  });

  it("ends with 1 when the server can't be reached in time", async ({ agents }) => {
    const agent = await agents.start(agentToml({ server: NOWHERE, more: "startup_max_wait_secs = 1" }));
    await agent.until("alive", true);
    expect(await agent.program.ended()).toBe(1);
    expect(agent.has("ready")).toBe(false);
  });

  it.for([503, 500, 429, 0])(
    "waits while the server answers %s, then goes on",
    async (status, { agents, server }) => {
      server.answers[KEY] = { status };
      const agent = await agents.start(agentToml({ server: server.url }));
      await until(agent, () => server.count(KEY) >= 3);
      expect(agent.has("ready")).toBe(false);
      server.answers[KEY] = PUBLIC_KEY;
      await ready(agent);
    },
  );

  it.for(
    [400, 401, 403, 404, 422, 426].flatMap((status) => [KEY, POLL].map((call) => [status, call] as const)),
  )("ends with 1 at once when the server answers %s to %s", async ([status, call], { agents, server }) => {
    server.answers[call] = { status, json: { error: "no", code: "no" } };
    const agent = await agents.start(agentToml({ server: server.url }));
    expect(await agent.program.ended()).toBe(1);
    expect(server.count(call)).toBe(1);
    expect([agent.has("alive"), agent.has("ready")]).toEqual([false, false]);
  });

  it("passes an upgrade that is asked for at its start, and isn't ready until it is no longer asked for", async ({
    agents,
    server,
  }) => {
    server.answers[POLL] = { status: 200, json: { ...(NO_JOBS.json as object), upgrade_required: true } };
    const agent = await agents.start(agentToml({ server: server.url }));
    await until(agent, () => server.count(POLL) >= 4);
    await agent.until("ready", false);
    server.answers[POLL] = NO_JOBS;
    await ready(agent);
  });

  it("ends with 1 at once when a database refuses its password", async ({ agents, server }) => {
    const { port } = refusing.address() as { port: number };
    const databases = { "app.production": `postgres://app:wrong@127.0.0.1:${port}/app` };
    const agent = await agents.start(agentToml({ server: server.url, databases }));
    expect(await agent.program.ended()).toBe(1);
    expect(agent.program.output.join("\n")).not.toContain("wrong@");
  });

  it("isn't ready while one of its databases can't be reached", async ({ agents, server }) => {
    const databases = {
      "app.production": database.url,
      "app.staging": "postgres://app:secret@127.0.0.1:9/app",
    };
    const agent = await agents.start(agentToml({ server: server.url, databases }));
    await agent.until("alive", true);
    await delay(2_000);
    expect([agent.program.running, agent.has("ready")]).toEqual([true, false]);
    expect(server.count(POLL)).toBe(0);
  });

  // Each try of a database takes a real agent 30 s: asked for by DBWARD_CONFORMANCE_SLOW=1.
  describe.skipIf(AGENT.real && !SLOW)("a database that can't be reached", () => {
    const databases = { "app.production": "postgres://app:secret@127.0.0.1:9/app" };
    const environment = { DBWARD_STANDIN_CONNECT_MS: "1000" };

    it("ends it with 1 in the end", async ({ agents, server }) => {
      const toml = agentToml({ server: server.url, databases, more: "startup_max_wait_secs = 1" });
      const agent = await agents.start(toml, { environment });
      expect(await agent.program.ended()).toBe(1);
    });

    it("lets it end with 0 on SIGTERM, after the try that is under way", async ({ agents, server }) => {
      const agent = await agents.start(agentToml({ server: server.url, databases }), { environment });
      await until(agent, () => server.count(KEY) === 1);
      agent.program.signal("SIGTERM");
      expect(await agent.program.ended()).toBe(0);
    });
  });
});

describe("an agent that works", { concurrent: true }, () => {
  it.for([503, 401, 0])(
    "isn't ready after six failed polls (%s), goes on, and is ready again at the first good one",
    async (status, { agents, server }) => {
      const agent = await agents.start(agentToml({ server: server.url }));
      await ready(agent);
      server.answers[POLL] = { status };
      await agent.until("ready", false);
      const failed = server.count(POLL);
      await until(agent, () => server.count(POLL) > failed + 3);
      expect([agent.program.running, agent.has("alive")]).toEqual([true, true]);
      server.answers[POLL] = NO_JOBS;
      await ready(agent);
    },
  );

  it("stays ready for five failed polls", async ({ agents, server }) => {
    const agent = await agents.start(agentToml({ server: server.url, more: "" }).replace("= 50", "= 200"));
    await ready(agent);
    const before = server.count(POLL);
    server.answers[POLL] = { status: 503 };
    await until(agent, () => server.count(POLL) >= before + 4);
    expect(agent.has("ready")).toBe(true);
    server.answers[POLL] = NO_JOBS;
    const good = server.count(POLL);
    await until(agent, () => server.count(POLL) >= good + 2);
    expect(agent.has("ready")).toBe(true);
  });

  it("ends with 0 at once on SIGTERM while it waits for the server", async ({ agents }) => {
    const agent = await agents.start(agentToml({ server: NOWHERE }));
    // The file is there before the agent listens to signals.
    await agent.program.line(/startup blocked, retrying/);
    expect(agent.has("alive")).toBe(true);
    agent.program.signal("SIGTERM");
    expect(await agent.program.ended()).toBe(0);
    expect(agent.has("alive")).toBe(false);
  });
});

if (!AGENT.real) {
  // Only the stand-in gets its folder from a variable; a real agent proves its place by having its files
  // there.
  it("names itself as a stand-in", async ({ agents, server }) => {
    const agent = await agents.start(agentToml({ server: server.url }));
    await ready(agent);
    expect(agent.program.output[0]).toMatch(/this is the stand-in for dbward-agent/);
  });
}
