import {
  BOOTSTRAP_AGENT_SUBJECT,
  type Publisher,
  parseAgents,
  stageNames,
  TOKEN_CHECK_ENVIRONMENT,
} from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import { type TokenSecret, tokenSecrets } from "@dbward-aws/stage/token-secrets";

/** The function's settings, from its environment. */
export interface TokenCheckSettings {
  readonly stage: string;
  /** Base URL of the server's API. */
  readonly serverUrl: string;
  readonly publisher: Publisher;
  /** Name or ARN of the cluster. */
  readonly cluster: string;
  /** Name of the server's service. */
  readonly serverService: string;
  /** What the names of the agents' services have before the agents' names. */
  readonly agentServicePrefix: string;
  /** The stage's tokens: the administrator's, the poller's, the agents'. */
  readonly tokens: readonly TokenSecret[];
  /** Age in days at which a token is rotated. @default - none is */
  readonly rotateAfterDays?: number;
}

/** The function's environment is incomplete or not valid. */
class TokenCheckEnvironmentError extends DbwardError {
  override readonly name = "TokenCheckEnvironmentError";

  /** @param problems one text for each */
  constructor(problems: readonly string[]) {
    super(
      "token-check-environment",
      `The environment of the token check is not valid: ${problems.join("; ")}.`,
      {
        hint: "Deploy the monitoring stack again; it sets these variables.",
      },
    );
  }
}

/** @throws {DbwardError} with all problems */
export function readEnvironment(environment: NodeJS.ProcessEnv): TokenCheckSettings {
  const problems: string[] = [];
  const required = (name: string): string => {
    const value = environment[name];
    if (!value) problems.push(`${name} is not set`);
    return value ?? "";
  };
  const names = TOKEN_CHECK_ENVIRONMENT;
  const publisher = environment[names.publisher] || "api";
  if (publisher !== "api" && publisher !== "emf") problems.push(`${names.publisher} must be api or emf`);
  const agents = parseAgents(environment[names.agents] ?? "");
  if (!agents) problems.push(`${names.agents} must be a list of agents such as app=agent:1,reports:2`);
  const days = environment[names.rotateAfterDays] || undefined;
  const rotateAfterDays = days === undefined ? undefined : Number(days);
  if (rotateAfterDays !== undefined && !(rotateAfterDays >= 0))
    problems.push(`${names.rotateAfterDays} must be a number of days`);
  const stage = required(names.stage);
  const identities = (agents ?? []).map(({ name, subject }) => ({
    name,
    token: subject === BOOTSTRAP_AGENT_SUBJECT ? ("bootstrap" as const) : ("own" as const),
  }));
  const settings: TokenCheckSettings = {
    stage,
    serverUrl: required(names.serverUrl),
    publisher: publisher === "emf" ? "emf" : "api",
    cluster: required(names.cluster),
    serverService: required(names.serverService),
    agentServicePrefix: environment[names.agentServicePrefix] ?? "",
    tokens: tokenSecrets({ agents: identities }, stageNames(stage)),
    ...(rotateAfterDays !== undefined && { rotateAfterDays }),
  };
  if (problems.length > 0) throw new TokenCheckEnvironmentError(problems);
  return settings;
}
