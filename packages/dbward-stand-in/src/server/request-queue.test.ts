import { describe, expect, it } from "vitest";
import { AgentRegistry, type AgentReport } from "./agent-registry.ts";
import { RequestQueue } from "./request-queue.ts";
import { readServerConfig } from "./server-config.ts";
import type { State } from "./state.ts";

const report = (changes: Partial<AgentReport> = {}): AgentReport => ({
  state: "active",
  maxConcurrent: 2,
  uptimeSeconds: 0,
  running: [],
  scopes: [{ database: "app", environment: "production" }],
  ...changes,
});

function createQueue(requests: number) {
  const state: State = { schema: 2, users: [], tokens: [], requests: [] };
  const queue = new RequestQueue(state, readServerConfig({}));
  const wanted = {
    database: "app",
    environment: "production",
    operation: "select",
    sql: "select 1",
    createdBy: "a",
  };
  for (let each = 0; each < requests; each++) queue.approve(queue.create(wanted));
  return { queue, statuses: () => state.requests.map(({ status }) => status) };
}

describe("RequestQueue", () => {
  it("hands out as much as an agent has room for", () => {
    const { queue, statuses } = createQueue(3);
    expect(queue.exchange("one", report(), []).jobs).toHaveLength(2);
    expect(queue.exchange("two", report(), []).jobs).toHaveLength(1);
    expect(statuses()).toEqual(["dispatched", "dispatched", "dispatched"]);
  });

  it("hands nothing to an agent that doesn't reach the database", () => {
    const { queue } = createQueue(1);
    expect(queue.exchange("one", report({ scopes: [] }), []).jobs).toEqual([]);
  });

  it("hands out again what never arrived, and takes it back from an agent that stops", () => {
    const { queue, statuses } = createQueue(1);
    const { jobs } = queue.exchange("one", report(), []);
    expect(queue.exchange("one", report(), []).jobs).toEqual(jobs);
    queue.exchange("one", report({ state: "draining" }), []);
    expect(statuses()).toEqual(["approved"]);
  });

  it("follows a request to its end", () => {
    const { queue, statuses } = createQueue(2);
    const [first, second] = queue.exchange("one", report(), []).jobs.map(({ id }) => id) as [string, string];
    queue.exchange("one", report({ running: [first, second] }), []);
    expect(statuses()).toEqual(["running", "running"]);
    queue.exchange("one", report({ running: [second] }), [{ id: first }]);
    queue.exchange("one", report(), [{ id: second, error: "no" }]);
    expect(statuses()).toEqual(["succeeded", "failed"]);
  });

  it("leaves the work of an agent that still polls alone", () => {
    const { queue, statuses } = createQueue(1);
    const agents = new AgentRegistry();
    queue.exchange("one", report(), []);
    agents.seen("default-agent", "one", report());
    expect(queue.reclaim(agents)).toBe(false);
    expect(statuses()).toEqual(["dispatched"]);
  });
});
