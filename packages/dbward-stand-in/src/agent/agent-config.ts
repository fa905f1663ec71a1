import type { Scope } from "../server/state/records.ts";
import { ConfigProblem, integer, string, type Table, table } from "../toml.ts";

/** What the stand-in takes from agent.toml; everything else in the file is passed over. */
export interface AgentConfig {
  readonly agentId: string;
  readonly pollIntervalMs: number;
  readonly maxConcurrentTasks: number;
  readonly drainTimeoutSeconds: number;
  readonly serverUrl: URL;
  readonly token: string;
  /** The databases that it has a URL for. */
  readonly scopes: readonly Scope[];
}

/**
 * @param environment values of `${NAME}`
 * @throws {ConfigProblem} at the first thing that dbward-agent would refuse; it never holds a value
 */
export function readAgentConfig(toml: Table, environment: NodeJS.ProcessEnv): AgentConfig {
  const file = expand(toml, environment) as Table;
  const server = table(file, "server");
  return {
    agentId: string(file, "agent_id", "agent.toml"),
    pollIntervalMs: integer(file, "poll_interval_ms", "agent.toml", 1_000, 1),
    maxConcurrentTasks: integer(file, "max_concurrent_tasks", "agent.toml", 4, 1),
    drainTimeoutSeconds: integer(file, "drain_timeout_secs", "agent.toml", 60, 0),
    serverUrl: readServerUrl(string(server, "url", "server")),
    token: string(server, "agent_token", "server"),
    scopes: readScopes(table(file, "databases")),
  };
}

/** `value` with every `${NAME}` in its strings replaced. */
function expand(value: unknown, environment: NodeJS.ProcessEnv): unknown {
  if (typeof value === "string")
    return value.replace(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = environment[name];
      if (found === undefined || found === "")
        throw new ConfigProblem(`environment variable ${name} is not set`);
      return found;
    });
  if (Array.isArray(value)) return value.map((each) => expand(each, environment));
  if (typeof value === "object" && value !== null && !(value instanceof Date))
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expand(each, environment)]));
  return value;
}

function readServerUrl(text: string): URL {
  if (!URL.canParse(text)) throw new ConfigProblem("server: url is not a URL");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new ConfigProblem("server: url must be http or https");
  return url;
}

function readScopes(databases: Table): Scope[] {
  return Object.keys(databases).flatMap((database) => {
    const environments = table(databases, database, `databases.${database}`);
    return Object.keys(environments).map((environment) => {
      const where = `databases.${database}.${environment}`;
      const url = string(table(environments, environment, where), "url", where);
      if (!/^(postgres|postgresql|mysql):\/\//.test(url))
        throw new ConfigProblem(`${where}: url must begin with postgres://, postgresql:// or mysql://`);
      return { database, environment };
    });
  });
}
