import {
  AGENT_DIMENSION,
  type MetricName,
  metricsOf,
  type PollFailureReason,
  REASON_DIMENSION,
} from "@dbward-aws/contract";
import { DbwardRequestError, ServerUnreachableError, TokenRefusedError } from "@dbward-aws/dbward-client";
import type { Measurement } from "@dbward-aws/metric-publisher";
import { measureAgents, measureEachAgent } from "./agent-measurements.ts";
import { capacityOf } from "./capacity.ts";
import type { PollerSettings } from "./environment.ts";
import type { Snapshot } from "./snapshot.ts";
import { findStageAgents } from "./stage-agents.ts";
import type { TaskCounts } from "./task-counts.ts";

/** The poller's settings on which the measurements depend. */
export type MeasureSettings = Pick<PollerSettings, "agents" | "level" | "perAgentMetrics">;

/**
 * The measurements of a snapshot that belong to the level of the stage. What was not answered is left out,
 * because 0 would be wrong. Their number does not depend on the number of agents.
 */
export function measure(
  snapshot: Snapshot,
  { agents: expected, level, perAgentMetrics }: MeasureSettings,
): Measurement[] {
  const published = new Set<string>(metricsOf(level));
  const { agents, counts, ready, tasks } = snapshot;
  const measurements: Measurement[] = measurePoll(snapshot);
  const add = (metric: MetricName, value: number) => measurements.push({ metric, value });
  if (ready) {
    add("ServerReady", ready.state === "degraded" ? 0 : 1);
    add("ServerDraining", ready.state === "draining" ? 1 : 0);
  } else if (failed(snapshot, "ready", "server-error")) add("ServerReady", 0);
  if (counts) {
    const { requests, counters } = counts;
    add("QueueDepth", requests.dispatched);
    add("RequestsPending", requests.pending);
    add("RequestsApproved", requests.approved);
    add("RequestsDispatched", requests.dispatched);
    add("RequestsRunning", requests.running);
    add("RequestsOther", requests.other);
    for (const [counter, metric] of COUNTERS) {
      const value = counters[counter];
      if (value !== undefined) add(metric, value);
    }
  }
  if (agents) {
    const found = findStageAgents(agents, expected, tasks);
    const capacity = capacityOf(found.agents, tasks);
    measurements.push(...measureAgents(found));
    // Without an agent that polls or should poll, there is no capacity to measure.
    if (found.agents.length > 0 || expected.some(({ desiredCount }) => desiredCount > 0)) {
      add("AgentCapacity", capacity.requests);
      add("AgentCapacityByTasks", capacity.byTasks ? 1 : 0);
    }
    measurements.push(...measureEachAgent(found.agents, perAgentMetrics));
  }
  if (tasks) measurements.push(...measureTasks(tasks));
  // Metrics of single agents have a setting of their own.
  return measurements.filter(
    ({ metric, dimension }) => dimension?.name === AGENT_DIMENSION || published.has(metric),
  );
}

const COUNTERS = [
  ["breakGlassUses", "BreakGlassUses"],
  ["breakGlassAuditFailures", "BreakGlassAuditFailures"],
  ["backgroundPanics", "BackgroundPanics"],
] as const;

function measurePoll(snapshot: Snapshot): Measurement[] {
  const reasons = [...new Set(snapshot.failures.map(({ reason }) => reason))];
  const accepted = tokenAccepted(snapshot);
  return [
    { metric: "ServerReachable", value: serverAnswered(snapshot) ? 1 : 0 },
    ...(accepted === undefined ? [] : [{ metric: "TokenAccepted", value: accepted ? 1 : 0 } as const]),
    { metric: "PollDuration", value: snapshot.durationMs },
    { metric: "PollFailures", value: reasons.length === 0 ? 0 : 1 },
    { metric: "PollerHindrances", value: reasons.filter((reason) => POLLER_FAILURES.has(reason)).length },
    ...reasons.map(
      (reason): Measurement => ({
        metric: "PollFailures",
        dimension: { name: REASON_DIMENSION, value: reason },
        value: 1,
      }),
    ),
  ];
}

/** Failures between the poller and AWS, which do not depend on the server. */
const POLLER_FAILURES: ReadonlySet<PollFailureReason> = new Set(["secrets", "ecs"]);

/** Any answer counts, also a refusal or one that can't be read: the server is reachable. */
function serverAnswered({ ready, agents, counts, failures }: Snapshot): boolean {
  return (
    ready !== undefined ||
    agents !== undefined ||
    counts !== undefined ||
    failures.some(
      ({ error }) => error instanceof DbwardRequestError && !(error instanceof ServerUnreachableError),
    )
  );
}

/** `undefined` when no answer of the server depends on the token. */
function tokenAccepted({ agents, counts, failures }: Snapshot): boolean | undefined {
  if (failures.some(({ error, reason }) => error instanceof TokenRefusedError || reason === "token-missing"))
    return false;
  return agents !== undefined || counts !== undefined ? true : undefined;
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
