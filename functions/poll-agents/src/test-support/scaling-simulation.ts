import { AgentScaler } from "../agent-scaler.ts";
import type { Snapshot } from "../snapshot.ts";

/** A request that arrives at a second and runs for some seconds. */
export interface SimulatedRequest {
  readonly at: number;
  readonly seconds: number;
}

/** What happens to one poll. */
export type PollFault =
  /** The poll is lost, or the function does not run. */
  | "lost"
  /** The server does not answer. */
  | "no-server"
  /** ECS does not answer. */
  | "no-tasks"
  /** `/metrics` does not answer. */
  | "no-counts"
  /** A new instance of the function polls, without the memory of the former one. */
  | "new-instance";

export interface Simulation {
  readonly requests: readonly SimulatedRequest[];
  readonly min: number;
  readonly max: number;
  /** Requests that a task executes at the same time. @default 4 */
  readonly room?: number;
  /** Length in seconds. */
  readonly seconds: number;
  /** The fault of a poll by its minute. @default - none */
  readonly faults?: (minute: number) => PollFault | undefined;
  /** Seconds in which the server is dead: agents neither take nor end work. @default - never */
  readonly serverDead?: (second: number) => boolean;
}

export interface SimulationResult {
  /** Requests that were running in a task that was told to stop: with a short drain they would be cut. */
  readonly hitByScaleIn: number;
  /** Each change of the number of tasks. */
  readonly changes: readonly { readonly at: number; readonly from: number; readonly to: number }[];
  /** Longest time in seconds that a request waited for a task. */
  readonly longestWait: number;
  /** Requests that were not done at the end. */
  readonly left: number;
  /** Hours of all tasks together. */
  readonly taskHours: number;
}

/** Seconds until a new task takes work: Fargate starts it and pulls its image. */
const START = 60;
const POLL = 60;

interface Task {
  readonly readyAt: number;
  /** Second in which each of its requests ends. */
  readonly running: number[];
}

/**
 * One agent under a stream of requests, second by second: tasks that start slowly, a queue in order, and a
 * poll a minute that decides with {@link AgentScaler} as the function does.
 */
export function simulate(simulation: Simulation): SimulationResult {
  const { min, max, room = 4, seconds, faults = () => undefined, serverDead = () => false } = simulation;
  const agents = [{ name: "app", subject: "app", desiredCount: min, scaling: { min, max } }];
  const arriving = simulation.requests.toSorted((a, b) => a.at - b.at);
  const waiting: SimulatedRequest[] = [];
  const changes: { at: number; from: number; to: number }[] = [];
  let scaler = new AgentScaler(agents);
  let tasks: Task[] = Array.from({ length: min }, () => ({ readyAt: 0, running: [] }));
  let [hitByScaleIn, longestWait, taskSeconds] = [0, 0, 0];

  for (let now = 0, next = 0; now < seconds; now++) {
    for (; next < arriving.length && arriving[next]!.at <= now; next++) waiting.push(arriving[next]!);
    const isDead = serverDead(now);
    for (const task of tasks) {
      const done = task.running.filter((end) => end > now);
      task.running.splice(0, task.running.length, ...done);
      while (!isDead && task.readyAt <= now && task.running.length < room && waiting.length > 0) {
        const request = waiting.shift()!;
        longestWait = Math.max(longestWait, now - request.at);
        task.running.push(now + request.seconds);
      }
    }
    taskSeconds += tasks.length;
    if (now % POLL !== POLL - 1) continue;
    const fault = isDead ? "no-server" : faults(Math.floor(now / POLL));
    if (fault === "lost") continue;
    if (fault === "new-instance") scaler = new AgentScaler(agents);
    for (const { to } of scaler.steps(snapshotOf(now, tasks, waiting.length, room, fault))) {
      changes.push({ at: now, from: tasks.length, to });
      // ECS chooses the tasks that it stops without knowing what they do: here the worst choice.
      const stopped = tasks
        .toSorted((a, b) => b.running.length - a.running.length)
        .slice(0, tasks.length - to);
      if (to < tasks.length) {
        hitByScaleIn += stopped.reduce((sum, { running }) => sum + running.length, 0);
        tasks = tasks.filter((task) => !stopped.includes(task));
      }
      while (tasks.length < to) tasks.push({ readyAt: now + START, running: [] });
    }
  }
  const left =
    waiting.length +
    tasks.reduce((sum, { running }) => sum + running.filter((end) => end > seconds).length, 0);
  return { hitByScaleIn, changes, longestWait, left, taskHours: taskSeconds / 3600 };
}

function snapshotOf(
  now: number,
  tasks: readonly Task[],
  dispatched: number,
  room: number,
  fault: PollFault | undefined,
): Snapshot {
  const running = tasks.reduce((sum, task) => sum + task.running.length, 0);
  const ready = tasks.filter(({ readyAt }) => readyAt <= now);
  const count = { desired: tasks.length, running: ready.length, deleted: false };
  // Replicas are one row: that of the last one that polled, which may be any.
  const last = ready[now % Math.max(1, ready.length)];
  const answers = fault !== "no-server";
  return {
    takenAt: new Date(now * 1000),
    durationMs: 50,
    failures: [],
    ...(answers && {
      ready: { state: "ready" as const, checks: {} },
      agents: last
        ? [
            {
              id: "app",
              status: "healthy",
              lastPollAgeSeconds: 0,
              inFlight: last.running.length,
              maxConcurrent: room,
            },
          ]
        : [],
    }),
    ...(answers &&
      fault !== "no-counts" && {
        counts: { requests: { pending: 0, approved: 0, dispatched, running, other: 0 }, counters: {} },
      }),
    ...(fault !== "no-tasks" && {
      tasks: { server: count, agents: new Map([["app", count]]), deploying: 0 },
    }),
  };
}
