/**
 * Environment variables of the function that takes changed values to the tasks. The construct sets them; the
 * handler reads them.
 */
export const APPLY_ENVIRONMENT = {
  stage: "DBWARD_STAGE",
  /** ARN of the ECS cluster. */
  cluster: "DBWARD_CLUSTER",
  /** Name of the server's ECS service. */
  serverService: "DBWARD_SERVER_SERVICE",
  /** What the name of an agent's ECS service has before the agent's name. */
  agentServicePrefix: "DBWARD_AGENT_SERVICE_PREFIX",
  /** Names of the agents, separated by commas. */
  agents: "DBWARD_AGENTS",
  /** `true` or `false`: whether a changed configuration in SSM is applied. */
  configuration: "DBWARD_APPLY_CONFIGURATION",
  /** One of {@link APPLY_SECRETS}. */
  secrets: "DBWARD_APPLY_SECRETS",
  /** Name of the SSM parameter with the {@link ApplyState}. */
  stateParameter: "DBWARD_APPLY_STATE_PARAMETER",
  /** ARN of the SNS topic that gets messages. Not set: they are only logged. */
  topic: "DBWARD_TOPIC",
} as const;

/** Seconds within which the function's runs end: its time limit, after which none of its calls comes. */
export const APPLY_TIME_LIMIT_SECONDS = 60;

/**
 * Whose tasks are replaced when a secret that they read has a new value.
 *
 * - `none`: nobody's.
 * - `agents`: the agents'.
 * - `all`: the server's as well, which is an outage of 1.5 to 3 minutes.
 */
export const APPLY_SECRETS = ["none", "agents", "all"] as const;
export type ApplySecrets = (typeof APPLY_SECRETS)[number];

/** A configuration that dbward would refuse: the service's tasks were left as they are. */
export interface RefusedConfig {
  /** Name of the SSM parameter. */
  readonly parameter: string;
  /** Its version; 0 when the parameter was deleted. */
  readonly version: number;
  /** What is wrong, each beginning with its place. Without secrets; the first few, and shortened. */
  readonly mistakes: readonly string[];
}

/** A replacement of a service's tasks. */
export interface AppliedChange {
  /** Time of the newest of the changes that it was for, in ISO 8601. */
  readonly changedAt: string;
  /** Id of the ECS deployment. Not set while ECS has yet to be asked for it. */
  readonly deployment?: string;
  /** Whether the deployment failed, so that it is not tried again until something changes. */
  readonly failed?: boolean;
}

/** What is not settled, by the name of the ECS service. Services that have the current values are not in it. */
export type ApplyState = Readonly<Record<string, ApplyEntry>>;
export type ApplyEntry = { readonly refused: RefusedConfig } | { readonly applied: AppliedChange };

/** Characters of a parameter of the standard tier. */
const LARGEST_STATE = 4096;

/** The text of a state, which fits into a parameter of the standard tier: if need be without mistakes. */
export function formatApplyState(state: ApplyState): string {
  const text = JSON.stringify(state);
  if (Buffer.byteLength(text) <= LARGEST_STATE) return text;
  return JSON.stringify(state, (key, value) => (key === "mistakes" ? [] : value));
}

/** Reads the output of {@link formatApplyState}; entries of any other form are left out. */
export function parseApplyState(text: string): ApplyState {
  const entries = Object.entries(fields(json(text))).flatMap(([service, value]) => {
    const entry = readEntry(value);
    return entry ? [[service, entry] as const] : [];
  });
  return Object.fromEntries(entries);
}

function readEntry(value: unknown): ApplyEntry | undefined {
  const { refused, applied } = fields(value);
  const { parameter, version, mistakes } = fields(refused);
  if (typeof parameter === "string" && typeof version === "number" && Array.isArray(mistakes))
    return { refused: { parameter, version, mistakes: mistakes.map(String) } };
  const { changedAt, deployment, failed } = fields(applied);
  if (typeof changedAt !== "string") return undefined;
  return {
    applied: {
      changedAt,
      ...(typeof deployment === "string" && { deployment }),
      ...(failed === true && { failed }),
    },
  };
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
