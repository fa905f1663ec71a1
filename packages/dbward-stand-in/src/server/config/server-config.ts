import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  type ConfigTable,
  isSeenBySync,
  KEPT_SECTIONS,
  type Problem,
  readConfig,
} from "@dbward-aws/dbward-config";
import { Fatal } from "../../fatal.ts";
import type { Scope, Workflow } from "../state/records.ts";
import {
  type ExecutionPolicy,
  type ResultPolicy,
  type ReviewPolicy,
  readDatabases,
  readExecutionPolicy,
  readResultPolicy,
  readReviewPolicy,
} from "./policies.ts";
import { BUILT_IN_ROLES, type Role, roleOf } from "./roles.ts";
import { number, table, tables, text, texts } from "./tables.ts";
import { readWorkflow } from "./workflows.ts";

/** What the stand-in takes from server.toml. */
export interface ServerConfig {
  readonly stateDirectory: string;
  readonly resultsDirectory: string;
  /** Longest result that is kept, in bytes. 0 without `[result_storage]`: none is. */
  readonly maxPersistBytes: number;
  readonly s3: S3Settings | undefined;
  /** By name, built-in ones included. */
  readonly roles: ReadonlyMap<string, Role>;
  /** Roles of their members, by name. */
  readonly groups: ReadonlyMap<string, readonly string[]>;
  readonly defaultRole: string | undefined;
  /** Active tokens that a subject may have; 0: any number. */
  readonly maxActiveTokens: number;
  readonly databases: readonly Scope[];
  readonly workflows: readonly Workflow[];
  readonly executionPolicies: readonly ExecutionPolicy[];
  readonly resultPolicies: readonly ResultPolicy[];
  readonly reviewPolicies: readonly ReviewPolicy[];
  /** Seconds for which a request waits for approvers where its workflow says nothing. */
  readonly approvalTtlSecs: number;
  readonly logging: { readonly format: "json" | "text" };
  /** Sections with entries, of those that can't be left out later. */
  readonly sections: readonly string[];
}

/** `[result_storage]` with the backend `s3`. */
export interface S3Settings {
  readonly endpoint: string | undefined;
}

/** A file that was read. */
export interface LoadedConfig {
  readonly config: ServerConfig;
  /**
   * What dbward finds out only when it writes the file's contents into its database, behind the bootstrap.
   */
  readonly late: readonly Problem[];
}

const RESULT_BYTES = 10 * 1024 * 1024;

/**
 * Reads server.toml.
 *
 * @param variables values of `${NAME}`
 * @throws {Fatal} `fatal: failed to load config …`, with everything that is refused before the state is
 * touched
 */
export function loadConfig(file: string, variables: NodeJS.ProcessEnv): LoadedConfig {
  const { problems, config } = readConfig("server", readText(file), variables as Record<string, string>);
  const early = problems.filter((problem) => !isSeenBySync(problem));
  if (early.length > 0 || !config) throw failed(file, early);
  return { config: readServerConfig(config, dirname(resolve(file))), late: problems.filter(isSeenBySync) };
}

/** A problem in one line. */
export function lineOf({ line, message }: Problem): string {
  return `line ${line}: ${message}`;
}

function failed(file: string, problems: readonly Problem[]): Fatal {
  return new Fatal(`fatal: failed to load config '${file}': ${problems.map(lineOf).join("\n  ")}`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Fatal(`fatal: failed to load config '${file}': ${(error as NodeJS.ErrnoException).code}`);
  }
}

function readServerConfig(file: ConfigTable, folder: string): ServerConfig {
  const auth = table(file, "auth") ?? NOTHING;
  const storage = table(file, "result_storage");
  const logging = table(file, "logging") ?? NOTHING;
  const stateDirectory = resolve(folder, text(file, "state_dir")!);
  const rootDirectory = storage && text(storage, "root_dir");
  return {
    stateDirectory,
    resultsDirectory:
      rootDirectory === undefined ? resolve(stateDirectory, "results") : resolve(folder, rootDirectory),
    maxPersistBytes: storage ? (number(storage, "max_persist_bytes") ?? RESULT_BYTES) : 0,
    s3: storage && text(storage, "backend") === "s3" ? { endpoint: text(storage, "endpoint") } : undefined,
    roles: new Map(
      [...BUILT_IN_ROLES, ...tables(auth, "roles").map(readRole)].map((role) => [role.name, role]),
    ),
    groups: new Map(tables(auth, "groups").map((group) => [text(group, "name")!, texts(group, "roles")])),
    defaultRole: text(auth, "default_role"),
    maxActiveTokens: number(table(auth, "token_policy") ?? NOTHING, "max_active_tokens_per_user") ?? 5,
    databases: readDatabases(file),
    workflows: tables(file, "workflows").map(readWorkflow),
    executionPolicies: tables(file, "execution_policies").map(readExecutionPolicy),
    resultPolicies: tables(file, "result_policies").map(readResultPolicy),
    reviewPolicies: tables(file, "sql_review").map(readReviewPolicy),
    approvalTtlSecs: number(table(file, "retention") ?? NOTHING, "approval_ttl_secs") ?? 86_400,
    logging: { format: text(logging, "format") === "json" ? "json" : "text" },
    sections: KEPT_SECTIONS.filter((name) => tables(file, name).length > 0),
  };
}

const NOTHING: ConfigTable = Object.create(null);

function readRole(role: ConfigTable): Role {
  return roleOf(
    text(role, "name")!,
    texts(role, "permissions"),
    texts(role, "databases"),
    texts(role, "environments"),
  );
}
