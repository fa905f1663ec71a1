import { METRICS, type MetricName, type PollFailureReason, REASON_DIMENSION } from "@dbward-aws/contract";
import { DbwardRequestError, ServerUnreachableError, TokenRefusedError } from "@dbward-aws/dbward-client";
import { measureAgents, measureEachAgent } from "./agent-measurements.ts";
import { capacityOf } from "./capacity.ts";
import type { PollerSettings } from "./environment.ts";
import type { Measurement } from "./measurement.ts";
import type { Snapshot } from "./snapshot.ts";
import { findStageAgents } from "./stage-agents.ts";
import type { TaskCounts } from "./task-counts.ts";

/** What of the poller's settings decides what is measured. */
export type MeasureSettings = Pick<PollerSettings, "stage" | "agents" | "perAgentMetrics">;

/**
 * Everything that a snapshot tells, as measurements. What was not answered is left out: a zero that nobody counted would
 * be a lie. How many there are doesn't depend on the number of agents.
 */
export function measure(
  snapshot: Snapshot,
  { stage, agents: expected, perAgentMetrics }: MeasureSettings,
): Measurement[] {
  const { agents, requests, ready, tasks } = snapshot;
  const measurements: Measurement[] = measurePoll(snapshot);
  const add = (metric: MetricName, value: number) => measurements.push({ metric, value });
  if (ready) {
    add("ServerReady", ready.state === "degraded" ? 0 : 1);
    add("ServerDraining", ready.state === "draining" ? 1 : 0);
  } else if (failed(snapshot, "ready", "server-error")) add("ServerReady", 0);
  if (requests) {
    add("QueueDepth", requests.dispatched);
    add("RequestsPending", requests.pending);
    add("RequestsApproved", requests.approved);
    add("RequestsDispatched", requests.dispatched);
    add("RequestsRunning", requests.running);
    add("RequestsOther", requests.other);
  }
  if (agents) {
    const found = findStageAgents(agents, expected, tasks, stage);
    const capacity = capacityOf(found.agents, tasks, stage);
    measurements.push(...measureAgents(found));
    // With no agent that polls, and none that should, there is nothing to be missed.
    if (found.agents.length > 0 || expected.some(({ desiredCount }) => desiredCount > 0)) {
      add("AgentCapacity", capacity.requests);
      add("AgentCapacityByTasks", capacity.byTasks ? 1 : 0);
    }
    measurements.push(...measureEachAgent(found.agents, perAgentMetrics));
  }
  if (tasks) measurements.push(...measureTasks(tasks));
  return measurements;
}

/** Unit of a measurement, from the one table. */
export function unitOf({ metric }: Measurement): (typeof METRICS)[MetricName]["unit"] {
  return METRICS[metric].unit;
}

function measurePoll(snapshot: Snapshot): Measurement[] {
  const reasons = [...new Set(snapshot.failures.map(({ reason }) => reason))];
  const accepted = tokenAccepted(snapshot);
  return [
    { metric: "ServerReachable", value: serverAnswered(snapshot) ? 1 : 0 },
    ...(accepted === undefined ? [] : [{ metric: "TokenAccepted", value: accepted ? 1 : 0 } as const]),
    { metric: "PollDuration", value: snapshot.durationMs },
    { metric: "PollFailures", value: reasons.length === 0 ? 0 : 1 },
    { metric: "PollerHindrances", value: reasons.filter((reason) => HINDRANCES.has(reason)).length },
    ...reasons.map(
      (reason): Measurement => ({
        metric: "PollFailures",
        dimension: { name: REASON_DIMENSION, value: reason },
        value: 1,
      }),
    ),
  ];
}

/** Failures that lie between the poller and AWS, and tell nothing of the server. */
const HINDRANCES: ReadonlySet<PollFailureReason> = new Set(["secrets", "ecs"]);

/** Any answer will do, a refusal or nonsense too: who answers is reachable. */
function serverAnswered({ ready, agents, requests, failures }: Snapshot): boolean {
  return (
    ready !== undefined ||
    agents !== undefined ||
    requests !== undefined ||
    failures.some(
      ({ error }) => error instanceof DbwardRequestError && !(error instanceof ServerUnreachableError),
    )
  );
}

/** Unknown when the server said nothing about it. */
function tokenAccepted({ agents, requests, failures }: Snapshot): boolean | undefined {
  if (failures.some(({ error, reason }) => error instanceof TokenRefusedError || reason === "token-missing"))
    return false;
  return agents !== undefined || requests !== undefined ? true : undefined;
}

function failed({ failures }: Snapshot, source: string, reason: string): boolean {
  return failures.some((failure) => failure.source === source && failure.reason === reason);
}

function measureTasks({ server, agents, deploying }: TaskCounts): Measurement[] {
  const measurements: Measurement[] = [
    { metric: "ServerTasksDesired", value: server.desired },
    { metric: "ServerTasksRunning", value: server.running },
    { metric: "DeploymentsRunning", value: deploying },
  ];
  if (agents.size === 0) return measurements;
  let [desired, running] = [0, 0];
  for (const count of agents.values()) {
    desired += count.desired;
    running += count.running;
  }
  return [
    ...measurements,
    { metric: "AgentTasksDesired", value: desired },
    { metric: "AgentTasksRunning", value: running },
  ];
}
