import { APPLY_ENVIRONMENT, APPLY_SECRETS, type ApplySecrets } from "@dbward-aws/contract";
import { ApplyEnvironmentError } from "./errors.ts";

/** The function's settings, from its environment. */
export interface ApplySettings {
  readonly stage: string;
  /** Name or ARN of the cluster. */
  readonly cluster: string;
  /** The server, then the agents. */
  readonly services: readonly ServiceName[];
  /** Whether a changed configuration is applied. */
  readonly configuration: boolean;
  /** Whose tasks are replaced for a new value of a secret. */
  readonly secrets: ApplySecrets;
  /** Name of the SSM parameter with the state. */
  readonly stateParameter: string;
  /** ARN. @default - messages are only logged */
  readonly topic?: string;
}

/** A service of the stage. */
export interface ServiceName {
  /** Name in ECS. */
  readonly name: string;
  /** The agent's name. @default - it is the server */
  readonly agent?: string;
}

/** @throws {ApplyEnvironmentError} with all problems */
export function readEnvironment(environment: NodeJS.ProcessEnv): ApplySettings {
  const problems: string[] = [];
  const required = (name: string): string => {
    const value = environment[name];
    if (!value) problems.push(`${name} is not set`);
    return value ?? "";
  };
  const secrets = APPLY_SECRETS.find((each) => each === environment[APPLY_ENVIRONMENT.secrets]);
  if (!secrets) problems.push(`${APPLY_ENVIRONMENT.secrets} must be ${APPLY_SECRETS.join(" or ")}`);
  const configuration = environment[APPLY_ENVIRONMENT.configuration];
  if (configuration !== "true" && configuration !== "false")
    problems.push(`${APPLY_ENVIRONMENT.configuration} must be true or false`);
  const prefix = environment[APPLY_ENVIRONMENT.agentServicePrefix] ?? "";
  const agents = (environment[APPLY_ENVIRONMENT.agents] ?? "").split(",").filter((name) => name !== "");
  const topic = environment[APPLY_ENVIRONMENT.topic];
  const settings: ApplySettings = {
    stage: required(APPLY_ENVIRONMENT.stage),
    cluster: required(APPLY_ENVIRONMENT.cluster),
    services: [
      { name: required(APPLY_ENVIRONMENT.serverService) },
      ...agents.map((agent) => ({ name: `${prefix}${agent}`, agent })),
    ],
    configuration: configuration === "true",
    secrets: secrets ?? "none",
    stateParameter: required(APPLY_ENVIRONMENT.stateParameter),
    ...(topic && { topic }),
  };
  if (problems.length > 0) throw new ApplyEnvironmentError(problems);
  return settings;
}
