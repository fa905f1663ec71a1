/** CloudWatch namespace of every metric that the functions publish. */
export const METRIC_NAMESPACE = "Dbward";
/** Dimension that every metric has: the stage. */
export const STAGE_DIMENSION = "Stage";
/** Further dimension of the per-agent metrics. */
export const AGENT_DIMENSION = "Agent";
/** Further dimension of {@link METRICS.PollFailures}: one of {@link POLL_FAILURE_REASONS}. */
export const REASON_DIMENSION = "Reason";

/** CloudWatch units in use. */
export type MetricUnit = "Count" | "Seconds" | "Milliseconds" | "Percent" | "None";

/** A metric: its unit, statistic, meaning and source. */
export interface MetricDefinition {
  readonly unit: MetricUnit;
  /** Statistic over a period. A level uses its worst or last value, never a sum. */
  readonly statistic: "Maximum" | "Minimum" | "Average" | "Sum";
  /** One sentence for the docs and the dashboard. */
  readonly meaning: string;
  /** The answer that contains the value. A metric is left out of a poll whose source did not answer. */
  readonly source: "agents" | "metrics" | "ready" | "ecs" | "poll" | "tokens";
}

const level = (
  source: MetricDefinition["source"],
  meaning: string,
  statistic: MetricDefinition["statistic"] = "Maximum",
  unit: MetricUnit = "Count",
): MetricDefinition => ({ unit, statistic, meaning, source });

/** The metrics of the namespace. Poller, alarms, dashboard and docs all use this table. */
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
  BreakGlassUses: level(
    "metrics",
    "Uses of break-glass that the server has counted since its start: requests without approval, and attempts to change a schema by them.",
  ),
  BreakGlassAuditFailures: level(
    "metrics",
    "Break-glass requests since the start of the server that it stopped, because it could not write them to its audit log.",
  ),
  BackgroundPanics: level("metrics", "Background jobs of the server that have failed since its start."),
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
    "Rows of /api/agents that belong to no agent of the stage: agents that were removed, whose rows are kept forever, and agents that run elsewhere.",
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
    "Services whose deployment is in progress or ended less than 2 minutes ago, and began less than 15 minutes ago, and for 5 minutes those that ECS does not have yet: an outage now is expected.",
  ),
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** The metrics of the function that checks the tokens, once a day, at every level: each costs about 0.01 USD a month. */
export const TOKEN_METRICS = {
  TokensRefused: level(
    "tokens",
    "Tokens of the stage that the server refuses, and those whose secret is empty.",
  ),
  OldestTokenAge: level("tokens", "Days since the oldest token of the stage was stored.", "Maximum", "None"),
  TokensOverdue: level(
    "tokens",
    "Tokens that are two days or more older than `tokens.rotateAfterDays`; without that setting, no value.",
  ),
} as const satisfies Record<string, MetricDefinition>;

export type TokenMetricName = keyof typeof TOKEN_METRICS;

/**
 * How closely a stage is watched: `essential` has the alarms and metrics without which an outage goes
 * unnoticed; `full` has all of them, which help to find causes and to act before an outage.
 */
export const MONITORING_LEVELS = ["essential", "full"] as const;
export type MonitoringLevel = (typeof MONITORING_LEVELS)[number];

/** The metrics of the level `essential`: only those that its alarms need, because each metric costs money. */
export const ESSENTIAL_METRICS = [
  "QueueDepth",
  "RequestsRunning",
  "BreakGlassUses",
  "AgentsOffline",
  "AgentCapacity",
  "ServerReachable",
  "ServerReady",
  "TokenAccepted",
  "DeploymentsRunning",
] as const satisfies readonly MetricName[];

/** The metrics of a stage that is watched at this level, in the order of {@link METRICS}. */
export function metricsOf(level: MonitoringLevel): readonly MetricName[] {
  const names = Object.keys(METRICS) as MetricName[];
  return level === "full"
    ? names
    : names.filter((name) => (ESSENTIAL_METRICS as readonly MetricName[]).includes(name));
}

/** Metrics that are also published for each agent when per-agent metrics are enabled. */
export const PER_AGENT_METRICS = [
  "AgentsInFlight",
  "AgentCapacity",
  "OldestAgentPollAge",
] as const satisfies readonly MetricName[];

/** Value of {@link AGENT_DIMENSION} for all agents beyond the cap, summed. */
export const OTHER_AGENTS = "other";

/** Why a poll did not get a complete snapshot. A fixed list, so that the dimension has few values. */
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
