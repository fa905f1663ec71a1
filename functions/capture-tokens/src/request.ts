import {
  ADMIN_TOKEN_VERSION_ATTRIBUTE,
  agentTokenVersionAttribute,
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

/**
 * Reads the properties as CloudFormation sends them.
 *
 * @throws {@link BadRequest}
 */
export function readRequest(resourceProperties: Readonly<Record<string, unknown>>): CaptureRequest {
  for (const name of REQUIRED) {
    const value = resourceProperties[name];
    if (typeof value !== "string" || value === "") throw new BadRequest(`${name} is missing`);
  }
  const properties = resourceProperties as unknown as CaptureProperties;
  const agents = properties.AgentTokens;
  if (!Array.isArray(agents)) throw new BadRequest("AgentTokens is no list");
  if (properties.Method !== "exec" && properties.Method !== "task") throw new BadRequest("Method is unknown");
  if (properties.Method === "task" && !properties.CaptureTask) throw new BadRequest("CaptureTask is missing");
  if (!PATH.test(properties.StateDirectory)) throw new BadRequest("StateDirectory is no plain path");
  if (!/^\d{1,5}$/.test(properties.Port)) throw new BadRequest("Port is no number");
  for (const name of [properties.MetricsUser, properties.MetricsRole, ...agents.map(({ Agent }) => Agent)]) {
    if (!NAME.test(name))
      throw new BadRequest(`the name ${JSON.stringify(name)} has characters that are not allowed`);
  }
  return { properties, tokens: tokensOf(properties) };
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
