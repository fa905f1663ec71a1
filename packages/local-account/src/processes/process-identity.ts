import { processStart } from "./process-group.ts";

/** Identifies a process, also against a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in a form that is only good for comparing. */
  readonly started: string;
}

/** @returns `undefined` when there is no such process */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = processStart(pid);
  return started === undefined ? undefined : { pid, started };
}

export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return processStart(pid) === started;
}
