import {
  ADMIN_TOKEN_VERSION_ATTRIBUTE,
  agentTokenVersionAttribute,
  BASE_URL_PATTERN,
  type CaptureProperties,
  METRICS_TOKEN_VERSION_ATTRIBUTE,
  SERVER,
} from "@dbward-aws/contract";
import { BadRequest } from "./errors.ts";

/** Where a token comes from. */
export type TokenSource =
  | { readonly kind: "file"; readonly file: string }
  | { readonly kind: "user"; readonly user: string; readonly role: string }
  | { readonly kind: "agent"; readonly agent: string };

/** One token that is to be in one secret. */
export interface Token {
  /** What people call it: `admin-token`, `agent-token of payments`. */
  readonly label: string;
  /** ARN of its secret. */
  readonly secret: string;
  /** Attribute of the custom resource that carries the secret's version. */
  readonly attribute: string;
  readonly source: TokenSource;
}

/** What a Create or Update asks for. */
export interface CaptureRequest {
  readonly properties: CaptureProperties;
  readonly tokens: readonly Token[];
}

/** Strings that the properties must have; the others are looked at where they are used. */
const REQUIRED = [
  "Cluster",
  "Service",
  "Container",
  "TaskDefinition",
  "StateDirectory",
  "Port",
  "LogGroup",
  "Method",
  "AdminTokenSecret",
  "MetricsTokenSecret",
  "MetricsUser",
  "MetricsRole",
  "ConfigSource",
] as const satisfies readonly (keyof CaptureProperties)[];

/** Names go into a shell script and into JSON: letters, digits, dots, hyphens and underscores need no quoting in either. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const PATH = /^(?:\/[A-Za-z0-9._-]+)+$/;
const SECRET_ARN = /^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+$/;
/** Agents at most: more would not fit into the answer to CloudFormation anyway. */
const MAX_AGENTS = 1_000;

/**
 * Reads the properties as CloudFormation sends them.
 *
 * @throws {@link BadRequest} with all that is wrong
 */
export function readRequest(resourceProperties: Readonly<Record<string, unknown>>): CaptureRequest {
  const problems = problemsOf(resourceProperties);
  if (problems.length > 0) throw new BadRequest(problems);
  const properties = resourceProperties as unknown as CaptureProperties;
  return { properties, tokens: tokensOf(properties) };
}

function problemsOf(given: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = REQUIRED.filter(
    (name) => typeof given[name] !== "string" || given[name] === "",
  ).map((name) => `${name} is missing`);
  const mustMatch = (what: string, value: unknown, form: RegExp, expected: string) => {
    if (value === undefined || value === "" || form.test(String(value))) return;
    problems.push(`${what} is no ${expected}`);
  };
  mustMatch("StateDirectory", given.StateDirectory, PATH, "plain path");
  mustMatch("Port", given.Port, /^\d{1,5}$/, "number");
  mustMatch("Method", given.Method, /^(?:exec|task)$/, "method of capture");
  for (const name of ["MetricsUser", "MetricsRole"]) mustMatch(name, given[name], NAME, "plain name");
  for (const name of ["AdminTokenSecret", "MetricsTokenSecret"])
    mustMatch(name, given[name], SECRET_ARN, "ARN of a secret");

  const agents: unknown = given.AgentTokens;
  if (!Array.isArray(agents) || agents.length > MAX_AGENTS) problems.push("AgentTokens is no list of agents");
  else
    for (const [index, agent] of agents.entries()) {
      const { Agent, Secret, Source } = (agent ?? {}) as Record<string, unknown>;
      mustMatch(`AgentTokens[${index}].Agent`, Agent ?? null, NAME, "plain name");
      mustMatch(`AgentTokens[${index}].Secret`, Secret ?? null, SECRET_ARN, "ARN of a secret");
      mustMatch(`AgentTokens[${index}].Source`, Source ?? null, /^(?:bootstrap|minted)$/, "source of tokens");
    }

  const task = given.CaptureTask as Record<string, unknown> | undefined;
  if (given.Method === "task" && !task) problems.push("CaptureTask is missing");
  for (const name of ["ServerUrl", "SecretsEndpoint"])
    if (task)
      mustMatch(
        `CaptureTask.${name}`,
        task[name] ?? null,
        BASE_URL_PATTERN,
        "URL of protocol, host, port and path alone",
      );
  return problems;
}

function tokensOf(properties: CaptureProperties): Token[] {
  return [
    {
      label: "admin-token",
      secret: properties.AdminTokenSecret,
      attribute: ADMIN_TOKEN_VERSION_ATTRIBUTE,
      source: { kind: "file", file: SERVER.adminTokenFile },
    },
    ...properties.AgentTokens.map(
      ({ Agent, Secret, Source }): Token => ({
        label: `agent-token of ${Agent}`,
        secret: Secret,
        attribute: agentTokenVersionAttribute(Agent),
        source:
          Source === "bootstrap"
            ? { kind: "file", file: SERVER.agentTokenFile }
            : { kind: "agent", agent: Agent },
      }),
    ),
    {
      label: "metrics-token",
      secret: properties.MetricsTokenSecret,
      attribute: METRICS_TOKEN_VERSION_ATTRIBUTE,
      source: { kind: "user", user: properties.MetricsUser, role: properties.MetricsRole },
    },
  ];
}
