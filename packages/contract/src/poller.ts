/** Environment variables of the poller's function. The construct sets them; the handler reads them. */
export const POLLER_ENVIRONMENT = {
  /** Stage: value of the metrics' dimension. */
  stage: "DBWARD_STAGE",
  /** Base URL of the server's API, without a slash at its end. */
  serverUrl: "DBWARD_SERVER_URL",
  /** ARN of the secret with the `metrics.view` token. */
  tokenSecret: "DBWARD_METRICS_TOKEN_SECRET",
  /** `api` (PutMetricData) or `emf` (embedded metric format in the log). */
  publisher: "DBWARD_PUBLISHER",
  /** One of `MONITORING_LEVELS`: which metrics are published. */
  level: "DBWARD_MONITORING_LEVEL",
  /** How many agents have their own metrics; the others are summed as `other`. 0: none, and no sum. */
  perAgentMetrics: "DBWARD_PER_AGENT_METRICS",
  /** ARN of the ECS cluster. */
  cluster: "DBWARD_CLUSTER",
  /** Name of the server's ECS service. */
  serverService: "DBWARD_SERVER_SERVICE",
  /** What the name of an agent's ECS service has before the agent's name. */
  agentServicePrefix: "DBWARD_AGENT_SERVICE_PREFIX",
  /** The stage's agents, as {@link formatAgents} writes them. */
  agents: "DBWARD_AGENTS",
} as const;

/** `PutMetricData`, or log lines in embedded metric format that CloudWatch Logs turns into metrics. */
export type Publisher = "api" | "emf";

/** Limits of the poller. The function's timeout must be longer than the sum of these times. */
export const POLLER_LIMITS = {
  /** Milliseconds for one snapshot: server, token and ECS together. */
  snapshotMs: 10_000,
  /** Milliseconds for changing the number of tasks of agents, after the snapshot. */
  scaleMs: 10_000,
  /** Milliseconds for sending the measurements to CloudWatch, after the snapshot. */
  publishMs: 10_000,
  /** Maximum number of agents with their own metrics: three metrics each, all in one PutMetricData call. */
  maxPerAgentMetrics: 50,
} as const;

/** An agent of the stage, as the poller needs it. */
export interface ExpectedAgent {
  /** Its name in the settings. */
  readonly name: string;
  /** Subject of its token, which is the `id` of its row in `GET /api/agents`. */
  readonly subject: string;
  /**
   * Number of tasks in the settings: the minimum of `scaling`. With 0, the agent is not reported as missing.
   */
  readonly desiredCount: number;
  /** Bounds between which the poller chooses the number of tasks. @default - it stays as it is */
  readonly scaling?: AgentScaling;
}

/** Bounds of an agent's number of tasks. */
export interface AgentScaling {
  /** At least 1. */
  readonly min: number;
  /** More than `min`. */
  readonly max: number;
}

/**
 * Writes agents into {@link POLLER_ENVIRONMENT.agents}: `NAME=SUBJECT:COUNT` or `NAME=SUBJECT:MIN-MAX`,
 * separated by commas, without the subject where it is the name. Short, because a function's environment
 * holds 4 KB.
 */
export function formatAgents(agents: readonly ExpectedAgent[]): string {
  return agents
    .map(({ name, subject, desiredCount, scaling }) => {
      const owner = subject === name ? name : `${name}=${subject}`;
      return `${owner}:${scaling ? `${scaling.min}-${scaling.max}` : desiredCount}`;
    })
    .join(",");
}

/** Parses the output of {@link formatAgents}. @returns undefined for any other text */
export function parseAgents(text: string): ExpectedAgent[] | undefined {
  const agents = text
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => AGENT_ENTRY.exec(entry));
  if (agents.includes(null)) return undefined;
  return agents.map((match) => {
    const [, name = "", subject = name, count, max] = match ?? [];
    const desiredCount = Number(count);
    if (max === undefined) return { name, subject, desiredCount };
    return { name, subject, desiredCount, scaling: { min: desiredCount, max: Number(max) } };
  });
}

const AGENT_ENTRY = /^([\w.-]+)(?:=([\w.-]+))?:(\d{1,4})(?:-(\d{1,4}))?$/;
