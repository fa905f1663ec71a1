import {
  type ExpectedAgent,
  POLLER_ENVIRONMENT,
  POLLER_LIMITS,
  type Publisher,
  parseAgents,
  stageNames,
} from "@dbward-aws/contract";
import { PollerEnvironmentError } from "./errors.ts";

/** What the poller is told by its environment. */
export interface PollerSettings {
  readonly stage: string;
  /** Base URL of the server's API. */
  readonly serverUrl: string;
  /** ARN or name of the secret with the token. */
  readonly tokenSecret: string;
  readonly publisher: Publisher;
  /** How many agents get metrics of their own. @default 0 */
  readonly perAgentMetrics: number;
  /** The stage's agents. @default - none: every row of `/api/agents` is unexpected */
  readonly agents: readonly ExpectedAgent[];
  /** What to ask ECS for. @default - nothing is asked */
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
  readonly name: string;
  /** Tasks that the settings want. */
  readonly desiredCount: number;
}

/** @throws {PollerEnvironmentError} that lists everything that is wrong */
export function readEnvironment(environment: NodeJS.ProcessEnv): PollerSettings {
  const problems: string[] = [];
  const required = (name: string): string => {
    const value = environment[name];
    if (!value) problems.push(`${name} is not set`);
    return value ?? "";
  };
  const publisher = environment[POLLER_ENVIRONMENT.publisher] || "api";
  if (publisher !== "api" && publisher !== "emf")
    problems.push(`${POLLER_ENVIRONMENT.publisher} is neither api nor emf`);
  const perAgentMetrics = Number(environment[POLLER_ENVIRONMENT.perAgentMetrics] || 0);
  if (!Number.isInteger(perAgentMetrics) || perAgentMetrics < 0)
    problems.push(`${POLLER_ENVIRONMENT.perAgentMetrics} is not a count`);
  const agents = parseAgents(environment[POLLER_ENVIRONMENT.agents] ?? "");
  if (!agents)
    problems.push(`${POLLER_ENVIRONMENT.agents} is not a list of agents such as app=agent:1,reports:2`);
  const services = readServices(environment, agents ?? []);
  const settings: PollerSettings = {
    stage: required(POLLER_ENVIRONMENT.stage),
    serverUrl: required(POLLER_ENVIRONMENT.serverUrl),
    tokenSecret: required(POLLER_ENVIRONMENT.tokenSecret),
    publisher: publisher === "emf" ? "emf" : "api",
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
  const { agentService } = stageNames(environment[POLLER_ENVIRONMENT.stage] ?? "");
  return {
    cluster,
    server,
    agents: agents.map(({ name, desiredCount }) => ({ name: agentService(name), desiredCount })),
  };
}
