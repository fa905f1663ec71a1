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
  /** The stage's agents, as {@link formatAgents} writes them. */
  agents: "DBWARD_AGENTS",
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

/** An agent of the stage, as the poller has to know it. */
export interface ExpectedAgent {
  /** Its name in the settings. */
  readonly name: string;
  /** Subject of its token, which is the `id` of its row in `GET /api/agents`. */
  readonly subject: string;
  /** Tasks that the settings want. With 0 nobody misses it. */
  readonly desiredCount: number;
}

/**
 * Writes agents into {@link POLLER_ENVIRONMENT.agents}: `NAME=SUBJECT:COUNT`, separated by commas, without the subject
 * where it is the name. Short, because a function's environment holds 4 KB.
 */
export function formatAgents(agents: readonly ExpectedAgent[]): string {
  return agents
    .map(({ name, subject, desiredCount }) => {
      const owner = subject === name ? name : `${name}=${subject}`;
      return `${owner}:${desiredCount}`;
    })
    .join(",");
}

/** Reads what {@link formatAgents} wrote. @returns undefined when it is something else */
export function parseAgents(text: string): ExpectedAgent[] | undefined {
  const agents = text
    .split(",")
    .filter((entry) => entry !== "")
    .map((entry) => AGENT_ENTRY.exec(entry));
  if (agents.includes(null)) return undefined;
  return agents.map((match) => {
    const [, name = "", subject = name, count] = match ?? [];
    return { name, subject, desiredCount: Number(count) };
  });
}

const AGENT_ENTRY = /^([\w.-]+)(?:=([\w.-]+))?:(\d{1,4})$/;
