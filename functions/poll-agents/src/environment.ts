import {
  type ExpectedAgent,
  MONITORING_LEVELS,
  type MonitoringLevel,
  POLLER_ENVIRONMENT,
  POLLER_LIMITS,
  type Publisher,
  parseAgents,
} from "@dbward-aws/contract";
import { PollerEnvironmentError } from "./errors.ts";

/** The poller's settings, from its environment. */
export interface PollerSettings {
  readonly stage: string;
  /** Base URL of the server's API. */
  readonly serverUrl: string;
  /** ARN or name of the secret with the token. */
  readonly tokenSecret: string;
  readonly publisher: Publisher;
  /** Which metrics are published. @default "essential" */
  readonly level: MonitoringLevel;
  /** Number of agents with metrics of their own. @default 0 */
  readonly perAgentMetrics: number;
  /** The stage's agents. @default - none: every row of `/api/agents` is unexpected */
  readonly agents: readonly ExpectedAgent[];
  /** Services to describe. @default - ECS is not called */
  readonly services?: ServiceNames;
}

/** The stage's services in ECS. */
export interface ServiceNames {
  /** Name or ARN of the cluster. */
  readonly cluster: string;
  readonly server: string;
  readonly agents: readonly AgentService[];
}

/** An agent's service. */
export interface AgentService {
  /** The agent's name in the settings. */
  readonly agent: string;
  /** Name of the service. */
  readonly name: string;
  /** Number of tasks in the settings. */
  readonly desiredCount: number;
}

/** @throws {PollerEnvironmentError} with all problems */
export function readEnvironment(environment: NodeJS.ProcessEnv): PollerSettings {
  const problems: string[] = [];
  const required = (name: string): string => {
    const value = environment[name];
    if (!value) problems.push(`${name} is not set`);
    return value ?? "";
  };
  const publisher = environment[POLLER_ENVIRONMENT.publisher] || "api";
  if (publisher !== "api" && publisher !== "emf")
    problems.push(`${POLLER_ENVIRONMENT.publisher} must be api or emf`);
  const level = MONITORING_LEVELS.find(
    (each) => each === (environment[POLLER_ENVIRONMENT.level] || "essential"),
  );
  if (!level) problems.push(`${POLLER_ENVIRONMENT.level} must be ${MONITORING_LEVELS.join(" or ")}`);
  const perAgentMetrics = Number(environment[POLLER_ENVIRONMENT.perAgentMetrics] || 0);
  if (!Number.isInteger(perAgentMetrics) || perAgentMetrics < 0)
    problems.push(`${POLLER_ENVIRONMENT.perAgentMetrics} must be a number of agents`);
  const agents = parseAgents(environment[POLLER_ENVIRONMENT.agents] ?? "");
  if (!agents)
    problems.push(`${POLLER_ENVIRONMENT.agents} must be a list of agents such as app=agent:1,reports:2`);
  const services = readServices(environment, agents ?? []);
  const settings: PollerSettings = {
    stage: required(POLLER_ENVIRONMENT.stage),
    serverUrl: required(POLLER_ENVIRONMENT.serverUrl),
    tokenSecret: required(POLLER_ENVIRONMENT.tokenSecret),
    publisher: publisher === "emf" ? "emf" : "api",
    level: level ?? "essential",
    perAgentMetrics: Math.min(perAgentMetrics, POLLER_LIMITS.maxPerAgentMetrics),
    agents: agents ?? [],
    ...(services ? { services } : {}),
  };
  if (problems.length > 0) throw new PollerEnvironmentError(problems);
  return settings;
}

function readServices(
  environment: NodeJS.ProcessEnv,
  agents: readonly ExpectedAgent[],
): ServiceNames | undefined {
  const cluster = environment[POLLER_ENVIRONMENT.cluster];
  const server = environment[POLLER_ENVIRONMENT.serverService];
  if (!cluster || !server) return undefined;
  const prefix = environment[POLLER_ENVIRONMENT.agentServicePrefix] ?? "";
  return {
    cluster,
    server,
    agents: agents.map(({ name, desiredCount }) => ({ agent: name, name: prefix + name, desiredCount })),
  };
}
