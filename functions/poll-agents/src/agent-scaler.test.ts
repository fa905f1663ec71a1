import { describe, expect, it } from "vitest";
import { AgentScaler, IDLE_MS } from "./agent-scaler.ts";
import type { Snapshot } from "./snapshot.ts";
import { type PollFault, type SimulatedRequest, simulate } from "./test-support/scaling-simulation.ts";

const MINUTE = 60_000;

interface Scene {
  dispatched?: number;
  running?: number;
  other?: number;
  tasks?: number;
  deploying?: number;
  room?: number;
}

function snapshot(minute: number, scene: Scene = {}, without: readonly (keyof Snapshot)[] = []): Snapshot {
  const { dispatched = 0, running = 0, other = 0, tasks = 2, deploying = 0, room = 4 } = scene;
  const count = { desired: tasks, running: tasks, deleted: false };
  const whole: Snapshot = {
    takenAt: new Date(minute * MINUTE),
    durationMs: 1,
    failures: [],
    ready: { state: "ready", checks: {} },
    agents: [{ id: "agent", status: "healthy", lastPollAgeSeconds: 0, inFlight: 0, maxConcurrent: room }],
    counts: { requests: { pending: 5, approved: 5, dispatched, running, other }, counters: {} },
    tasks: { server: count, agents: new Map([["app", count]]), deploying },
  };
  return Object.fromEntries(
    Object.entries(whole).filter(([name]) => !without.includes(name as keyof Snapshot)),
  ) as unknown as Snapshot;
}
const scaler = (min = 1, max = 5) =>
  new AgentScaler([{ name: "app", subject: "agent", desiredCount: min, scaling: { min, max } }]);
const step = (from: number, to: number) => [{ agent: "app", from, to }];

describe("AgentScaler", () => {
  it.each([
    ["what two tasks can take", { dispatched: 3, running: 5 }, []],
    ["one request more", { dispatched: 3, running: 6 }, step(2, 3)],
    ["far more than the bound allows", { dispatched: 400, running: 8 }, step(2, 5)],
    ["running requests alone", { dispatched: 0, running: 30 }, []],
    ["a long queue while enough tasks start", { dispatched: 17, running: 0, tasks: 5 }, []],
    ["a long queue during a deployment", { dispatched: 12, deploying: 1 }, step(2, 3)],
    ["nothing, of an agent that was scaled to 0 by hand", { dispatched: 12, tasks: 0 }, []],
  ])("answers %s", (_, scene, expected) => {
    expect(scaler().steps(snapshot(0, scene))).toEqual(expected);
  });

  it("raises a new service to its minimum", () => {
    expect(scaler(3, 5).steps(snapshot(0, { tasks: 1 }))).toEqual(step(1, 3));
  });

  it("does not know how much fits into a task before an agent has polled", () => {
    const fresh = scaler();
    expect(fresh.steps(snapshot(0, { dispatched: 20, room: 0 }))).toEqual([]);
    expect(fresh.steps(snapshot(1, { dispatched: 20 }))).toEqual(step(2, 5));
    expect(fresh.steps(snapshot(2, { dispatched: 20, room: 0 }))).toEqual(step(2, 5));
  });

  it("returns to the minimum after the idle time, and not a poll earlier", () => {
    const idle = scaler();
    const minutes = IDLE_MS / MINUTE;
    for (let minute = 0; minute < minutes; minute++) expect(idle.steps(snapshot(minute))).toEqual([]);
    expect(idle.steps(snapshot(minutes))).toEqual(step(2, 1));
  });

  const INTERRUPTIONS: Readonly<Record<string, (minute: number) => Snapshot | undefined>> = {
    "a running request": (minute) => snapshot(minute, { running: 1 }),
    "a waiting request": (minute) => snapshot(minute, { dispatched: 1 }),
    "a request in an unknown state": (minute) => snapshot(minute, { other: 1 }),
    "a deployment": (minute) => snapshot(minute, { deploying: 1 }),
    "no answer of /metrics": (minute) => snapshot(minute, {}, ["counts"]),
    "no answer of /ready": (minute) => snapshot(minute, {}, ["ready"]),
    "no answer of ECS": (minute) => snapshot(minute, {}, ["tasks"]),
  };
  it.each(Object.entries(INTERRUPTIONS))("restarts the idle time after %s", (_, interruption) => {
    const idle = scaler();
    for (let minute = 0; minute < 5; minute++) idle.steps(snapshot(minute));
    idle.steps(interruption(5)!);
    for (let minute = 6; minute < 16; minute++) expect(idle.steps(snapshot(minute))).toEqual([]);
    expect(idle.steps(snapshot(16))).toEqual(step(2, 1));
  });

  it("restarts the idle time after polls that were lost", () => {
    const idle = scaler();
    idle.steps(snapshot(0));
    expect(idle.steps(snapshot(30))).toEqual([]);
    expect(idle.steps(snapshot(33))).toEqual([]);
    for (let minute = 34; minute < 40; minute++) expect(idle.steps(snapshot(minute))).toEqual([]);
    expect(idle.steps(snapshot(40))).toEqual(step(2, 1));
  });

  it("cuts nothing off when the maximum was lowered", () => {
    expect(scaler(1, 2).steps(snapshot(0, { tasks: 6, dispatched: 40, running: 24 }))).toEqual([]);
  });

  it("leaves agents without bounds alone", () => {
    const fixed = new AgentScaler([{ name: "app", subject: "agent", desiredCount: 1 }]);
    expect(fixed.steps(snapshot(0, { dispatched: 100 }))).toEqual([]);
  });
});

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const FAULTS: readonly PollFault[] = ["lost", "no-server", "no-tasks", "no-counts", "new-instance"];

describe("any stream of requests, with any faults of the polls", () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed + 1))("of seed %i", (seed) => {
    const random = randomNumbers(seed);
    const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
    const seconds = 6 * 3600;
    const [min, faultRate, longest] = [between(1, 3), random() * 0.4, between(5, 2_400)];
    const max = min + between(1, 6);
    const requests: SimulatedRequest[] = [];
    // The last hour is quiet, so that everything can end.
    for (let at = 0; at < seconds - 3_600; at += between(1, 900))
      for (let count = between(1, 30); count > 0; count--)
        requests.push({ at: at + between(0, 20), seconds: between(1, longest) });
    const result = simulate({
      requests,
      min,
      max,
      room: between(1, 8),
      seconds,
      faults: () => (random() < faultRate ? FAULTS[between(0, FAULTS.length - 1)] : undefined),
    });
    expect(result.hitByScaleIn).toBe(0);
    let last: { at: number; isIn: boolean } | undefined;
    for (const { at, from, to } of result.changes) {
      expect(to).toBeGreaterThanOrEqual(min);
      expect(to).toBeLessThanOrEqual(max);
      const isIn = to < from;
      // No flapping: ten idle minutes lie between work that needed more tasks and their end.
      if (isIn && last) expect(at - last.at).toBeGreaterThanOrEqual(IDLE_MS / 1_000);
      if (isIn) expect(to).toBe(min);
      last = { at, isIn };
    }
  });
});
