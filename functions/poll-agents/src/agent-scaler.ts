import type { ExpectedAgent } from "@dbward-aws/contract";
import type { Snapshot } from "./snapshot.ts";

/** Another number of tasks for an agent. */
export interface ScalingStep {
  /** Its name in the settings. */
  readonly agent: string;
  readonly from: number;
  readonly to: number;
}

/** Time without any waiting or running request after which agents return to their minimum number of tasks. */
export const IDLE_MS = 10 * 60_000;
/** Snapshots further apart than this don't prove what happened between them: two polls may be lost. */
const MAX_GAP_MS = 210_000;

/**
 * Decides how many tasks the agents with bounds should have, from the number of requests and tasks.
 *
 * - Out at once, when more requests wait and run than the agent's tasks can take.
 * - In, to the minimum, when no request of the stage has waited or run for {@link IDLE_MS}: no statement is
 *   cut off.
 * - No change without a whole snapshot, or for an agent that somebody scaled to 0. A snapshot in which
 *   something is missing, or one that follows lost polls, restarts the idle time.
 *
 * Replicas share a token and are one row in `/api/agents`, that of the last one that polled. Only the room of
 * one task is taken from there, which is the same for all; the number of tasks comes from ECS. The server
 * does not say for which agent a request waits, so each agent counts all of them.
 *
 * The idle time is lost with the function's instance, which only delays scaling in.
 */
export class AgentScaler {
  readonly #agents: readonly Required<ExpectedAgent>[];
  /** Requests that one task can execute at the same time, by agent: an offline agent's row says 0. */
  readonly #roomOfTask = new Map<string, number>();
  #idleSince: number | undefined;
  #lastAt: number | undefined;

  constructor(agents: readonly ExpectedAgent[]) {
    this.#agents = agents.flatMap((agent) => (agent.scaling ? [{ ...agent, scaling: agent.scaling }] : []));
  }

  /** The changes that this snapshot calls for. A step that fails is returned again for the next snapshot. */
  steps(snapshot: Snapshot): ScalingStep[] {
    const { counts, tasks, ready, agents = [] } = snapshot;
    const at = snapshot.takenAt.getTime();
    const isContinuous = this.#lastAt !== undefined && at >= this.#lastAt && at - this.#lastAt <= MAX_GAP_MS;
    this.#lastAt = at;
    for (const { id, maxConcurrent } of agents)
      if (maxConcurrent > 0) this.#roomOfTask.set(id, maxConcurrent);
    if (!counts || !tasks || ready?.state !== "ready") {
      this.#idleSince = undefined;
      return [];
    }
    const { dispatched, running, other } = counts.requests;
    // A deployment moves requests and tasks: one snapshot does not show that nothing runs.
    const isIdle = dispatched + running + other === 0 && tasks.deploying === 0;
    if (!isIdle) this.#idleSince = undefined;
    else if (this.#idleSince === undefined || !isContinuous) this.#idleSince = at;
    const isIdleForLong = this.#idleSince !== undefined && at - this.#idleSince >= IDLE_MS;

    return this.#agents.flatMap(({ name, subject, scaling: { min, max } }): ScalingStep[] => {
      const count = tasks.agents.get(name);
      if (!count || count.deleted || count.desired === 0) return [];
      const room = this.#roomOfTask.get(subject);
      const needed = dispatched > 0 && room !== undefined ? Math.ceil((dispatched + running) / room) : 0;
      // A maximum that was lowered cuts nothing off either: it waits for the idle time.
      const most = isIdleForLong ? min : Math.max(count.desired, Math.min(needed, max));
      const to = Math.max(min, most);
      return to === count.desired ? [] : [{ agent: name, from: count.desired, to }];
    });
  }
}
