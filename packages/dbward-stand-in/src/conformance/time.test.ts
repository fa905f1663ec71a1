import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { claim, ONE_ROW, poll, report } from "./support/agent-calls.ts";
import { useServer } from "./support/cast.ts";
import { SERVER } from "./support/program.ts";
import { CONFIG, expectStatus } from "./support/server.ts";

/** How much faster than the real one's the stand-in's clock goes here. */
const SPEED = SERVER.real ? 1 : 100;
const SLOW = process.env.DBWARD_CONFORMANCE_SLOW === "1";
const MINUTE = 60_000 / SPEED;

/** Asks until the answer is the one, for at most so many minutes of the server's time. */
async function within<T>(minutes: number, ask: () => Promise<T>, is: (answer: T) => boolean): Promise<T> {
  const end = Date.now() + minutes * MINUTE + 2_000;
  for (;;) {
    const answer = await ask();
    if (is(answer)) return answer;
    if (Date.now() > end) throw new Error(`not within ${minutes} minutes; last: ${JSON.stringify(answer)}`);
    await delay(Math.min(1_000, MINUTE / 60));
  }
}

// A real server takes seven minutes for these: they are asked for by DBWARD_CONFORMANCE_SLOW=1.
describe.skipIf(SERVER.real && !SLOW)("what happens by itself", { concurrent: true }, () => {
  const cast = useServer({
    toml: CONFIG.replace('environment = "production"', 'environment = "production"\npending_ttl_secs = 1'),
    environment: { DBWARD_STANDIN_SPEED: String(SPEED) },
  });
  const ask = async (environment: string): Promise<string> =>
    expectStatus(
      await cast.as("requester").post("/api/requests", { database: "app", environment, detail: "select 1" }),
      201,
    ).id as string;
  const look = async (id: string) => (await cast.as("requester").get(`/api/requests/${id}`)).json;
  const statusOf = async (id: string) => (await look(id)).status as string;

  it("is a lost execution when its lease ends, and whose result comes too late", async () => {
    const id = await ask("staging");
    const agent = cast.as("agent");
    await poll(agent, { status: report({ in_flight: 1, uptime_secs: 5, active_jobs: [] }) });
    const { execution_id } = await claim(agent, id);
    await within(
      2.5,
      () => statusOf(id),
      (status) => status === "execution_lost",
    );
    const { text } = await cast.as("poller").get("/metrics");
    expect(text).toContain("\ndbward_agent_lease_expirations_total 0\n");
    const { executions } = (await cast.as("requester").get(`/api/requests/${id}/executions`)).json;
    expect(executions).toMatchObject([{ id: execution_id, status: "failed", has_stored_result: false }]);
    expect((await agent.post(`/api/agent/jobs/${execution_id}/heartbeat`)).status).toBe(409);
    expect((await agent.post(`/api/agent/jobs/${execution_id}/result`, ONE_ROW)).status).toBe(409);
    expect(await statusOf(id)).toBe("execution_lost");
    expect((await cast.as("requester").post(`/api/requests/${id}/resume`)).json.status).toBe("dispatched");
    expectStatus(await cast.as("requester").post(`/api/requests/${id}/cancel`), 200);
  });

  it("is an agent that is offline after a minute without a poll", async () => {
    await poll(cast.as("agent"), { status: report({ in_flight: 1, uptime_secs: 5 }) });
    const rows = async () => (await cast.as("poller").get("/api/agents")).json.agents;
    const [row] = await within(1.5, rows, ([first]) => first.status === "offline");
    expect(row).toMatchObject({
      id: "agent",
      in_flight: 1,
      max_concurrent: 2,
      uptime_secs: 0,
      active_jobs: [],
    });
    expect(row.last_poll_ago_secs).toBeGreaterThan(60);
    const { text } = await cast.as("poller").get("/metrics");
    expect(text).toContain("\ndbward_agents_active 1\n");
  });

  it("is a request that no agent claims for five minutes: it waits for its requester again", async () => {
    const id = await ask("staging");
    await delay(4.5 * MINUTE);
    expect(await statusOf(id)).toBe("dispatched");
    await within(
      2,
      () => statusOf(id),
      (status) => status === "approved",
    );
    expect((await cast.as("requester").post(`/api/requests/${id}/resume`)).json.status).toBe("dispatched");
  });

  it("is a request that is not approved in time", async () => {
    const id = await ask("production");
    await within(
      2.5,
      () => statusOf(id),
      (status) => status === "expired",
    );
    expect((await cast.as("requester").post(`/api/requests/${id}/cancel`)).status).toBe(409);
  });
});
