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
const count = (running: number) => ({ desired: running, running, deleted: false });
const tasks = (agents: Record<string, number>) => ({
  server: count(1),
  deploying: 0,
  agents: new Map(Object.entries(agents).map(([name, running]) => [name, count(running)])),
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
    ["replicas", [agent("a", 4), agent("b", 2)], tasks({ a: 3, b: 1 }), 14, true],
    ["rows when each is one task", [agent("a", 4), agent("b", 2)], tasks({ a: 1, b: 1 }), 6, false],
    ["an agent that polls before ECS counts its task", [agent("a", 4)], tasks({ a: 0 }), 4, false],
    ["no replicas of an offline agent", [agent("a", 4, "offline")], tasks({ a: 3 }), 0, false],
    ["the replicas that one leaves behind", [agent("a", 4, "draining")], tasks({ a: 2 }), 8, true],
    ["no agent that drains alone", [agent("a", 4, "draining")], tasks({ a: 0 }), 0, false],
    ["nothing when there is nobody", [], tasks({ a: 3 }), 0, false],
  ])("counts %s", (_, agents, counts, requests, byTasks) => {
    expect(capacityOf(agents, counts)).toEqual({ requests, byTasks });
  });
});
