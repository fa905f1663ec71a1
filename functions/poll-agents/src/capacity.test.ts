import type { AgentSnapshot } from "@dbward-aws/dbward-client";
import { describe, expect, it } from "vitest";
import { capacityOf } from "./capacity.ts";

const agent = (id: string, maxConcurrent: number, status = "healthy"): AgentSnapshot => ({
  id,
  status,
  maxConcurrent,
  lastPollAgeSeconds: 0,
  inFlight: 0,
});
const tasks = (agents: Record<string, number>) => ({
  server: { desired: 1, running: 1 },
  deploying: 0,
  agents: new Map(Object.entries(agents).map(([name, running]) => [name, { desired: running, running }])),
});

describe("capacityOf", () => {
  it.each([
    ["rows alone when ECS said nothing", [agent("a", 4), agent("b", 2)], undefined, 6, false],
    [
      "no room of agents that take no work",
      [agent("a", 4), agent("b", 2, "draining"), agent("c", 9, "offline")],
      undefined,
      4,
      false,
    ],
    [
      "replicas of an agent known by name",
      [agent("a", 4), agent("b", 2)],
      tasks({ "agent-a": 3, "agent-b": 1 }),
      14,
      true,
    ],
    [
      "replicas of the one that is left",
      [agent("a", 4), agent("default-agent", 2)],
      tasks({ "agent-a": 1, "agent-first": 3 }),
      10,
      true,
    ],
    [
      "rows when each is one task",
      [agent("a", 4), agent("default-agent", 2)],
      tasks({ "agent-a": 1, "agent-first": 1 }),
      6,
      false,
    ],
    ["agents outside ECS", [agent("elsewhere", 5)], tasks({}), 5, false],
    [
      "no replicas of an agent that is gone",
      [agent("a", 4, "offline"), agent("b", 2)],
      tasks({ "agent-a": 3, "agent-b": 1 }),
      2,
      false,
    ],
    ["nothing when there is nobody", [], tasks({ "agent-a": 3 }), 0, false],
  ])("counts %s", (_, agents, counts, requests, byTasks) => {
    expect(capacityOf(agents, counts, "dev")).toEqual({ requests, byTasks });
  });
});
