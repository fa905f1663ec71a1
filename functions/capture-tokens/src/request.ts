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

/** A token, and the secret that it belongs in. */
export interface Token {
  /** Its name in messages: `admin-token`, `agent-token of payments`. */
  readonly label: string;
  /** ARN of its secret. */
  readonly secret: string;
  /** Attribute of the custom resource that has the version of the secret. */
  readonly attribute: string;
  readonly source: TokenSource;
}

/** The request of a Create or Update. */
export interface CaptureRequest {
  readonly properties: CaptureProperties;
  readonly tokens: readonly Token[];
}

/** Properties that must be strings; the others are checked below. */
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
] as const satisfies readonly (keyof CaptureProperties)[];

/** Names are written into a shell script and into JSON: these characters need no quoting in either. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const PATH = /^(?:\/[A-Za-z0-9._-]+)+$/;
const SECRET_ARN = /^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+$/;
/** Most agents: the versions of more would not fit into the answer to CloudFormation. */
const MAX_AGENTS = 1_000;

/**
 * Reads the properties of the custom resource.
 *
 * @throws {@link BadRequest} with all problems
 */
export function readRequest(resourceProperties: Readonly<Record<string, unknown>>): CaptureRequest {
  const problems = problemsOf(resourceProperties);
  if (problems.length > 0) throw new BadRequest(problems);
  const properties = resourceProperties as unknown as CaptureProperties;
  return { properties, tokens: tokensOf(properties) };
}

function problemsOf(properties: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = REQUIRED.filter(
    (name) => typeof properties[name] !== "string" || properties[name] === "",
  ).map((name) => `${name} is missing`);
  const mustMatch = (what: string, value: unknown, form: RegExp, expected: string) => {
    if (value === undefined || value === "" || form.test(String(value))) return;
    problems.push(`${what} is not ${expected}`);
  };
  mustMatch(
    "StateDirectory",
    properties.StateDirectory,
    PATH,
    "an absolute path of letters, digits, dots, hyphens and underscores",
  );
  mustMatch("Port", properties.Port, /^\d{1,5}$/, "a number");
  mustMatch("Method", properties.Method, /^(?:exec|task)$/, "exec or task");
  for (const name of ["MetricsUser", "MetricsRole"])
    mustMatch(name, properties[name], NAME, "a name of letters, digits, dots, hyphens and underscores");
  for (const name of ["AdminTokenSecret", "MetricsTokenSecret"])
    mustMatch(name, properties[name], SECRET_ARN, "the ARN of a secret");

  const agents: unknown = properties.AgentTokens;
  if (!Array.isArray(agents) || agents.length > MAX_AGENTS)
    problems.push(`AgentTokens is not a list of at most ${MAX_AGENTS} agents`);
  else
    for (const [index, agent] of agents.entries()) {
      const { Agent, Secret, Source } = (agent ?? {}) as Record<string, unknown>;
      mustMatch(
        `AgentTokens[${index}].Agent`,
        Agent ?? null,
        NAME,
        "a name of letters, digits, dots, hyphens and underscores",
      );
      mustMatch(`AgentTokens[${index}].Secret`, Secret ?? null, SECRET_ARN, "the ARN of a secret");
      mustMatch(
        `AgentTokens[${index}].Source`,
        Source ?? null,
        /^(?:bootstrap|minted)$/,
        "bootstrap or minted",
      );
    }

  const task = properties.CaptureTask as Record<string, unknown> | undefined;
  if (properties.Method === "task" && !task) problems.push("CaptureTask is missing");
  for (const name of ["ServerUrl", "SecretsEndpoint"])
    if (task)
      mustMatch(
        `CaptureTask.${name}`,
        task[name] ?? null,
        BASE_URL_PATTERN,
        "a URL without user, query and fragment",
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
