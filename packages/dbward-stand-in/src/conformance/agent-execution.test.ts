import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { type AgentSandbox, agentToml, withAgents as it, type RunningAgent } from "./support/agent.ts";
import { mintAgent } from "./support/agent-calls.ts";
import { useServer } from "./support/cast.ts";
import { CutableWay, openDatabase } from "./support/database.ts";
import { expectStatus } from "./support/server.ts";

let database: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database?.close());

/** Each agent of the file has a database name of its own, as a job goes to the first agent that asks. */
const NAMES = ["app", "drain", "late"] as const;
const cast = useServer({
  toml: `
[result_storage]
${NAMES.map((name) => `[[databases]]\nname = "${name}"\nenvironments = ["production"]`).join("\n")}
[[auth.roles]]
name = "cloudwatch-metrics"
permissions = ["metrics.view"]
[[workflows]]
auto_approve = { mode = "always" }
`,
});

/** Starts an agent for one of the databases, with a token of its own, and waits until it is ready. */
async function start(
  agents: AgentSandbox,
  name: (typeof NAMES)[number],
  { url = database.url, more = "" }: { readonly url?: string; readonly more?: string } = {},
): Promise<RunningAgent> {
  const { token = "" } = await mintAgent(cast.as("admin"), name);
  const toml = agentToml({ server: cast.server.url, databases: { [`${name}.production`]: url }, more });
  const agent = await agents.start(toml, { token });
  await agent.until("ready", true);
  return agent;
}

const ask = async (name: (typeof NAMES)[number], detail: string): Promise<string> =>
  expectStatus(
    await cast.as("requester").post("/api/requests", { database: name, environment: "production", detail }),
    201,
  ).id as string;
const look = async (id: string, wait = 0) =>
  (await cast.as("operator").get(`/api/requests/${id}?wait=${wait}`)).json;
const ends = async (id: string): Promise<string> => {
  for (;;) {
    const { status } = await look(id, 1);
    if (status !== "dispatched" && status !== "running") return status;
  }
};
const runs = async (id: string): Promise<void> => {
  while ((await look(id)).status !== "running") await delay(20);
};

describe("an agent with a server and a database", () => {
  it("executes what is asked, and hands in what comes of it", async ({ agents }) => {
    const way = await CutableWay.to(database.url);
    const agent = await start(agents, "app", { url: way.url, more: "max_concurrent_tasks = 1" });
    const { agents: rows } = (await cast.as("admin").get("/api/agents")).json;
    expect(rows.find(({ id }: { id: string }) => id === "app")).toMatchObject({
      status: "healthy",
      max_concurrent: 1,
      capabilities: { scopes: [{ database: "app", environment: "production" }] },
    });

    const select = await ask("app", "select 1 as one");
    expect(await ends(select)).toBe("executed");
    expect((await cast.as("requester").get(`/api/requests/${select}/result/content`)).json).toMatchObject({
      success: true,
      result_data: { rows: [{ one: 1 }], truncated: false },
    });

    const wrong = await ask("app", "select no_such_column");
    expect(await ends(wrong)).toBe("failed");
    const { executions } = (await cast.as("requester").get(`/api/requests/${wrong}/executions`)).json;
    expect(executions).toMatchObject([{ status: "failed", agent_id: "app" }]);
    expect((await cast.as("requester").get(`/api/requests/${wrong}/result/content`)).json).toMatchObject({
      success: false,
      error_message: expect.stringMatching(/no_such_column/),
    });

    // The second request that fails because the database can't be reached removes the ready file away, and it
    // comes back with it.
    way.cut();
    for (const detail of ["select 2", "select 3"]) {
      expect(agent.has("ready")).toBe(true);
      expect(await ends(await ask("app", detail))).toBe("failed");
    }
    await agent.until("ready", false);
    const waiting = await ask("app", "select 4");
    await delay(500);
    expect((await look(waiting)).status).toBe("dispatched");
    way.open();
    await agent.until("ready", true);
    expect(await ends(waiting)).toBe("executed");
    await way.close();
  });

  it("ends with 0 after SIGTERM when its job is done", async ({ agents }) => {
    const agent = await start(agents, "drain");
    const id = await ask("drain", "select pg_sleep(1)");
    await runs(id);
    agent.program.signal("SIGTERM");
    await agent.until("ready", false);
    expect(agent.program.running).toBe(true);
    expect(await agent.program.ended()).toBe(0);
    expect(await ends(id)).toBe("executed");
  });

  it("ends with 1 when its job takes longer than it may, and leaves the request running", async ({
    agents,
  }) => {
    const agent = await start(agents, "late", { more: "drain_timeout_secs = 1" });
    const id = await ask("late", "select pg_sleep(5)");
    await runs(id);
    agent.program.signal("SIGTERM");
    expect(await agent.program.ended()).toBe(1);
    expect((await look(id)).status).toBe("running");
  });
});
