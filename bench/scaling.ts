import {
  type SimulatedRequest,
  type Simulation,
  simulate,
} from "../functions/poll-agents/src/test-support/scaling-simulation.ts";
import { type Figure, figure, type Result, type Size } from "./lib/figure.ts";

const HOUR = 3_600;
const NONE = { atMost: 0 };

function every(seconds: number, from: number, to: number, duration: number): SimulatedRequest[] {
  return Array.from({ length: Math.floor((to - from) / seconds) }, (_, index) => ({
    at: from + index * seconds,
    seconds: duration,
  }));
}
const burst = (at: number, count: number, seconds: number): SimulatedRequest[] =>
  Array.from({ length: count }, () => ({ at, seconds }));

/**
 * Loads of some hours for an agent with 1 to 6 tasks of 4 requests each, and how often it may change
 * direction.
 */
const LOADS: Readonly<Record<string, Omit<Simulation, "min" | "max"> & { readonly turns: number }>> = {
  "three bursts": {
    seconds: 4 * HOUR,
    requests: [burst(600, 60, 90), burst(HOUR + 600, 60, 90), burst(3 * HOUR, 60, 90)].flat(),
    turns: 5,
  },
  "steady load": { seconds: 6 * HOUR, requests: every(10, 0, 5 * HOUR, 100), turns: 1 },
  "load around the limit of one task": { seconds: 6 * HOUR, requests: every(25, 0, 5 * HOUR, 100), turns: 1 },
  "slow jobs": { seconds: 6 * HOUR, requests: every(300, 0, 3 * HOUR, 2 * HOUR), turns: 1 },
  "stale and missing answers": {
    seconds: 6 * HOUR,
    requests: [every(10, 0, 2 * HOUR, 100), burst(4 * HOUR, 40, 600)].flat(),
    faults: (minute) => (["lost", "no-counts", "no-tasks", "new-instance"] as const)[minute % 7],
    turns: 3,
  },
  "a dead server for an hour": {
    seconds: 6 * HOUR,
    requests: every(10, 0, 4 * HOUR, 100),
    serverDead: (second) => second > HOUR && second < 2 * HOUR,
    turns: 1,
  },
};

/** How agents scale under loads of some hours, by simulation: the figures are the same on each machine. */
export async function measureScaling(_size: Size): Promise<Result> {
  const figures = Object.entries(LOADS).flatMap(([name, { turns, ...load }]): Figure[] => {
    const result = simulate({ ...load, min: 1, max: 6 });
    const directions = result.changes.map(({ from, to }) => Math.sign(to - from));
    const turned = directions.filter((direction, index) => index > 0 && direction !== directions[index - 1]);
    return [
      figure(`${name}: running requests of tasks that were stopped`, result.hitByScaleIn, "", NONE),
      figure(`${name}: changes of direction`, turned.length, "", { atMost: turns }),
      figure(`${name}: longest wait`, result.longestWait, "s"),
      figure(`${name}: requests left at the end`, result.left, "", NONE),
      figure(`${name}: task hours / those of 6 tasks`, result.taskHours / ((6 * load.seconds) / HOUR), ""),
    ];
  });
  return { benchmark: "scaling", figures, remarks: [] };
}
