import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { type ConfigTable, readConfig } from "@dbward-aws/dbward-config";
import { Fatal } from "../fatal.ts";

/** What agent.toml says, with dbward's defaults for what it leaves out. */
export interface AgentSettings {
  readonly agentId: string;
  readonly serverUrl: string;
  readonly token: string;
  readonly databases: readonly DatabaseSettings[];
  readonly operations: readonly string[];
  readonly pollIntervalMs: number;
  readonly maxConcurrentTasks: number;
  readonly drainTimeoutMs: number;
  /** For claims that name none. */
  readonly statementTimeoutSecs: number;
  readonly startup: {
    /** Pause after the first failure; doubles with each further one up to `retryMaxMs`. */
    readonly retryInitialMs: number;
    readonly retryMaxMs: number;
    /** 0: without end. */
    readonly maxWaitMs: number;
  };
  readonly schemaSync: { readonly onStartup: boolean /** 0: never. */; readonly intervalMs: number };
}

/** A database that the agent serves. */
export interface DatabaseSettings {
  readonly database: string;
  readonly environment: string;
  readonly url: string;
}

/**
 * Rules that the agent doesn't judge itself: the server or the database refuses what breaks them, later and
 * in their own way.
 */
const JUDGED_BY_OTHERS = new Set([
  "agent-token",
  "agent-server-path",
  "agent-operation",
  "agent-database-name",
  "agent-database-url",
  "agent-database-password",
]);

const DEFAULT_OPERATIONS = ["execute_select", "execute_dml", "migrate_up", "migrate_down", "migrate_status"];

/** @throws Fatal with everything that dbward-agent refuses in the file before it starts; it holds no value */
export async function readSettings(file: string, environment: NodeJS.ProcessEnv): Promise<AgentSettings> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Fatal(`Error loading config: ${file} can't be read: ${error.code}`);
  });
  const { problems, config } = readConfig("agent", text, environment as Record<string, string>);
  const refused = problems.filter(({ rule }) => !JUDGED_BY_OTHERS.has(rule));
  if (refused.length > 0 || config === undefined)
    throw new Fatal(
      refused.map(({ line, message }) => `Error loading config: ${file}:${line}: ${message}`).join("\n"),
    );
  return settingsOf(config);
}

function settingsOf(config: ConfigTable): AgentSettings {
  const number = (name: string, fallback: number) => Number(config[name] ?? fallback);
  const server = config.server as ConfigTable;
  const sync = (config.schema_sync ?? {}) as ConfigTable;
  return {
    agentId: String(config.agent_id ?? hostname()),
    serverUrl: String(server.url).replace(/\/+$/, ""),
    token: String(server.agent_token),
    databases: databasesOf(config.databases as ConfigTable),
    operations: (config.operations as readonly string[] | undefined) ?? DEFAULT_OPERATIONS,
    pollIntervalMs: number("poll_interval_ms", 1_000),
    maxConcurrentTasks: number("max_concurrent_tasks", 2),
    drainTimeoutMs: number("drain_timeout_secs", 60) * 1_000,
    statementTimeoutSecs: number("statement_timeout_secs", 60),
    startup: {
      retryInitialMs: number("startup_retry_initial_ms", 1_000),
      retryMaxMs: number("startup_retry_max_ms", 15_000),
      maxWaitMs: number("startup_max_wait_secs", 60) * 1_000,
    },
    schemaSync: {
      onStartup: sync.enabled !== false && sync.sync_on_startup !== false,
      intervalMs: sync.enabled === false ? 0 : Number(sync.interval_secs ?? 0) * 1_000,
    },
  };
}

function databasesOf(databases: ConfigTable): DatabaseSettings[] {
  return Object.entries(databases).flatMap(([database, environments]) =>
    Object.entries(environments as ConfigTable).map(([environment, entry]) => ({
      database,
      environment,
      url: String((entry as ConfigTable).url),
    })),
  );
}
