/** CloudWatch namespace of every metric that the poller publishes. */
export const METRIC_NAMESPACE = "Dbward";
/** Dimension that every metric has: the stage. */
export const STAGE_DIMENSION = "Stage";
/** Further dimension of the per-agent metrics. */
export const AGENT_DIMENSION = "Agent";
/** Further dimension of {@link METRICS.PollFailures}: one of {@link POLL_FAILURE_REASONS}. */
export const REASON_DIMENSION = "Reason";

/** CloudWatch units in use. */
export type MetricUnit = "Count" | "Seconds" | "Milliseconds" | "Percent" | "None";

/** One metric: what it measures, and how it is to be read. */
export interface MetricDefinition {
  readonly unit: MetricUnit;
  /** How to put the values of a period together: a level by its worst or last value, never by a sum. */
  readonly statistic: "Maximum" | "Minimum" | "Average" | "Sum";
  /** One sentence for the docs and the dashboard. */
  readonly meaning: string;
  /** From which answer the value comes; a metric is left out of a poll whose source did not answer. */
  readonly source: "agents" | "metrics" | "ready" | "ecs" | "poll";
}

const level = (
  source: MetricDefinition["source"],
  meaning: string,
  statistic: MetricDefinition["statistic"] = "Maximum",
  unit: MetricUnit = "Count",
): MetricDefinition => ({ unit, statistic, meaning, source });

/** Every metric of the namespace. Poller, alarms, dashboard and docs read this table and no other. */
export const METRICS = {
  QueueDepth: level("metrics", "Requests dispatched: the work that waits for an agent."),
  RequestsPending: level("metrics", "Requests that wait for a person's approval."),
  RequestsApproved: level(
    "metrics",
    "Requests that wait for their requester to resume them: approved by people, or dispatched for 5 minutes without an agent that took them.",
  ),
  RequestsDispatched: level("metrics", "Requests dispatched and not yet taken by an agent."),
  RequestsRunning: level("metrics", "Requests that an agent is executing."),
  RequestsOther: level("metrics", "Requests in a state that this version of the poller doesn't know."),
  AgentsHealthy: level("agents", "Agents of the stage that poll and have room for work.", "Minimum"),
  AgentsSaturated: level("agents", "Agents of the stage that poll and are full."),
  AgentsDraining: level("agents", "Agents of the stage that finish their work and take no more."),
  AgentsOffline: level(
    "agents",
    "Agents of the stage that have not polled for 60 seconds or more, or never; those with a desired count of 0 in the settings are not counted.",
  ),
  AgentsOther: level(
    "agents",
    "Agents of the stage in a state that this version of the poller doesn't know.",
  ),
  AgentsUnexpected: level(
    "agents",
    "Rows of /api/agents that belong to no agent of the stage: agents that were removed, whose rows stay for ever, and agents that run elsewhere.",
  ),
  AgentCapacity: level(
    "agents",
    "Requests that the stage's healthy and saturated agents can execute at the same time.",
    "Minimum",
  ),
  AgentCapacityByTasks: level(
    "agents",
    "What AgentCapacity counts: 1 the running ECS tasks (replicas share a token), 0 the rows of /api/agents.",
  ),
  AgentsInFlight: level("agents", "Requests that the stage's agents say they are executing."),
  OldestAgentPollAge: level(
    "agents",
    "Time since the poll of the stage's agent that has been silent longest; 9999 when one never polled.",
    "Maximum",
    "Seconds",
  ),
  AgentPollAge: level(
    "agents",
    "Time since the last poll of each of the stage's agents: a statistic set over all but those that never polled.",
    "Average",
    "Seconds",
  ),
  AgentUtilization: level(
    "agents",
    "Share of its room that each of the stage's agents uses: a distribution over those that poll.",
    "Average",
    "Percent",
  ),
  ServerReachable: level("poll", "1 when the server answered, 0 when it didn't.", "Minimum"),
  ServerReady: level(
    "ready",
    "1 when /ready says ok, or the server is draining for a replacement; 0 when it is degraded.",
    "Minimum",
  ),
  ServerDraining: level("ready", "1 while the server is draining."),
  TokenAccepted: level(
    "poll",
    "1 when the server took the poller's token, 0 when it refused it or the secret holds none.",
    "Minimum",
  ),
  PollDuration: level("poll", "Time of one whole poll.", "Average", "Milliseconds"),
  PollFailures: level("poll", "Polls that brought no whole snapshot, by reason.", "Sum"),
  PollerHindrances: level(
    "poll",
    "AWS services that did not answer the poller: Secrets Manager for its token, ECS for the tasks.",
  ),
  ServerTasksDesired: level("ecs", "Tasks that the server's service should run."),
  ServerTasksRunning: level("ecs", "Tasks that the server's service runs.", "Minimum"),
  AgentTasksDesired: level("ecs", "Tasks that the agents' services should run."),
  AgentTasksRunning: level("ecs", "Tasks that the agents' services run.", "Minimum"),
  DeploymentsRunning: level(
    "ecs",
    "Services whose deployment is in progress or ended less than 2 minutes ago, and began less than 15 minutes ago: an outage now is expected.",
  ),
} as const satisfies Record<string, MetricDefinition>;

/** Seconds after which a deployment no longer counts in {@link METRICS.DeploymentsRunning}: it hangs. */
export const DEPLOYMENT_GRACE_SECONDS = 900;
/**
 * Seconds for which a completed deployment goes on counting in {@link METRICS.DeploymentsRunning}. ECS completes one of
 * the server as soon as the server is healthy; until its agents have polled again, which takes up to half a minute when a
 * connection of theirs hangs, their rows say `offline`.
 */
export const DEPLOYMENT_AFTERMATH_SECONDS = 120;

export type MetricName = keyof typeof METRICS;

/** Metrics that are published once an agent as well, when per-agent metrics are switched on. */
export const PER_AGENT_METRICS = [
  "AgentsInFlight",
  "AgentCapacity",
  "OldestAgentPollAge",
] as const satisfies readonly MetricName[];

/** Value of {@link AGENT_DIMENSION} for all agents beyond the cap, summed. */
export const OTHER_AGENTS = "other";

/** Why a poll brought no whole snapshot. A closed list, so that a dimension made of it stays bounded. */
export const POLL_FAILURE_REASONS = [
  "dns",
  "refused",
  "timeout",
  "connection",
  "server-error",
  "draining",
  "token-refused",
  "token-missing",
  "secrets",
  "malformed",
  "too-large",
  "redirect",
  "unexpected-status",
  "ecs",
] as const;
export type PollFailureReason = (typeof POLL_FAILURE_REASONS)[number];
