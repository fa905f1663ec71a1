/** Environment variables of the poller's function; the construct sets them, the handler reads them. */
export const POLLER_ENVIRONMENT = {
  /** Stage: value of the metrics' dimension. */
  stage: "DBWARD_STAGE",
  /** Base URL of the server's API, without a slash at its end. */
  serverUrl: "DBWARD_SERVER_URL",
  /** ARN of the secret with the `metrics.view` token. */
  tokenSecret: "DBWARD_METRICS_TOKEN_SECRET",
  /** `api` (PutMetricData) or `emf` (embedded metric format in the log). */
  publisher: "DBWARD_PUBLISHER",
  /** How many agents get metrics of their own; the others are summed as `other`. 0: none, and no sum. */
  perAgentMetrics: "DBWARD_PER_AGENT_METRICS",
  /** ARN of the ECS cluster. */
  cluster: "DBWARD_CLUSTER",
  /** Name of the server's ECS service. */
  serverService: "DBWARD_SERVER_SERVICE",
  /** Names of the agents' ECS services, separated by commas. */
  agentServices: "DBWARD_AGENT_SERVICES",
} as const;

/** `PutMetricData`, or log lines in embedded metric format that CloudWatch Logs turns into metrics. */
export type Publisher = "api" | "emf";

/** What the poller keeps to. The function's timeout must be longer than both times together. */
export const POLLER_LIMITS = {
  /** Milliseconds for one snapshot: server, token and ECS together. */
  snapshotMs: 10_000,
  /** Milliseconds for handing the measurements to CloudWatch, after the snapshot. */
  publishMs: 10_000,
  /** Most agents with metrics of their own: three metrics each, and all of them in one PutMetricData call. */
  maxPerAgentMetrics: 50,
} as const;
