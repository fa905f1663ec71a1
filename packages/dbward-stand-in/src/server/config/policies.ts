import type { ConfigTable } from "@dbward-aws/dbward-config";
import type { Operation, Scope } from "../state/records.ts";
import { flag, number, tables, text, texts } from "./tables.ts";

/** What a policy is about: databases and environments by name, or `*`. */
export type Policy = Scope;

/** The policy that fits a scope best: an environment that is named counts more than a database that is. */
export function mostSpecific<T extends Policy>(policies: readonly T[], scope: Scope): T | undefined {
  return policies
    .filter((policy) => fits(policy.database, scope.database) && fits(policy.environment, scope.environment))
    .reduce<T | undefined>(
      (best, policy) => (best && weight(best) >= weight(policy) ? best : policy),
      undefined,
    );
}

function fits(pattern: string, name: string): boolean {
  return pattern === "*" || pattern === name;
}

/** How closely a policy names its scope. */
export function weight({ database, environment }: Policy): number {
  return (environment === "*" ? 0 : 4) + (database === "*" ? 0 : 2);
}

/** `[[execution_policies]]`. Times are in seconds. */
export interface ExecutionPolicy extends Policy {
  readonly maxExecutions: number;
  readonly executionWindowSecs: number;
  readonly retryOnFailure: boolean;
  readonly statementTimeoutSecs: number;
  readonly maxStatementTimeoutSecs: number;
  readonly maxRows: number | null;
  readonly migrationLeaseSecs: number | null;
  readonly migrationStatementTimeoutSecs: number | null;
}

/** What holds where no `[[execution_policies]]` fits. */
const DEFAULT_EXECUTION_POLICY: ExecutionPolicy = readExecutionPolicy(Object.create(null));

export function readExecutionPolicy(policy: ConfigTable): ExecutionPolicy {
  return {
    ...scopeOf(policy),
    maxExecutions: number(policy, "max_executions") ?? 1,
    executionWindowSecs: number(policy, "execution_window_secs") ?? 86_400,
    retryOnFailure: flag(policy, "retry_on_failure"),
    statementTimeoutSecs: number(policy, "statement_timeout_secs") ?? 30,
    maxStatementTimeoutSecs: number(policy, "max_statement_timeout_secs") ?? 600,
    maxRows: number(policy, "max_rows") ?? null,
    migrationLeaseSecs: number(policy, "migration_lease_duration_secs") ?? null,
    migrationStatementTimeoutSecs: number(policy, "migration_statement_timeout_secs") ?? null,
  };
}

/** What holds for a scope. */
export function executionPolicy(
  { config }: { readonly config: { readonly executionPolicies: readonly ExecutionPolicy[] } },
  scope: Scope,
): ExecutionPolicy {
  return mostSpecific(config.executionPolicies, scope) ?? DEFAULT_EXECUTION_POLICY;
}

const LEASE_BUFFER_SECS = 30;
const MIN_LEASE_SECS = 60;
const MIGRATION_LEASE_SECS = 600;

/** Seconds that an agent has for a statement; 0: without end. */
export function statementTimeout(policy: ExecutionPolicy, operation: Operation): number {
  return isMigration(operation) ? (policy.migrationStatementTimeoutSecs ?? 0) : policy.statementTimeoutSecs;
}

/** Seconds for which an agent may be silent about a request that it has claimed. */
export function leaseSeconds(policy: ExecutionPolicy, operation: Operation): number {
  const { migrationLeaseSecs, migrationStatementTimeoutSecs, maxStatementTimeoutSecs } = policy;
  const behind = (timeout: number) =>
    Math.max(Math.min(timeout, maxStatementTimeoutSecs) + LEASE_BUFFER_SECS, MIN_LEASE_SECS);
  if (!isMigration(operation)) return behind(policy.statementTimeoutSecs);
  return (
    migrationLeaseSecs ??
    (migrationStatementTimeoutSecs ? behind(migrationStatementTimeoutSecs) : MIGRATION_LEASE_SECS)
  );
}

/** Whether it changes the schema by migrations. */
export function isMigration(operation: Operation): boolean {
  return operation === "migrate_up" || operation === "migrate_down" || operation === "migrate_repair";
}

/** `[[result_policies]]`. */
export interface ResultPolicy extends Policy {
  readonly deliveryMode: "both" | "stream";
  readonly retentionDays: number;
  /** Selectors of who may see results, beside their requesters. */
  readonly access: readonly string[];
}

export function readResultPolicy(policy: ConfigTable): ResultPolicy {
  return {
    ...scopeOf(policy),
    deliveryMode: text(policy, "delivery_mode") === "stream" ? "stream" : "both",
    retentionDays: number(policy, "retention_days") ?? 30,
    access: texts(policy, "access"),
  };
}

/** `[[sql_review]]`: what is done about each kind of finding. */
export interface ReviewPolicy extends Policy {
  readonly rules: Readonly<Record<ReviewRule, ReviewAction>>;
}
export type ReviewAction = "block" | "warn" | "off";
export type ReviewRule = keyof typeof DEFAULT_REVIEW;

/** What dbward does about a finding where the file says nothing. */
export const DEFAULT_REVIEW = {
  no_where_delete: "block",
  no_where_update: "block",
  drop_table: "block",
  drop_column: "warn",
  drop_index: "warn",
  drop_view: "warn",
  drop_sequence: "warn",
  create_sequence: "off",
  not_null_without_default: "warn",
  create_index_not_concurrently: "warn",
  alter_column_type: "warn",
  truncate: "block",
  mixed_ddl_dml: "warn",
  large_in_list: "warn",
} as const satisfies Record<string, ReviewAction>;

export function readReviewPolicy(policy: ConfigTable): ReviewPolicy {
  const rules = Object.entries(DEFAULT_REVIEW).map(([rule, action]) => [rule, text(policy, rule) ?? action]);
  return { ...scopeOf(policy), rules: Object.fromEntries(rules) as ReviewPolicy["rules"] };
}

/** The database and the environment of a policy, `*` where it names none. */
export function scopeOf(policy: ConfigTable): Scope {
  return { database: text(policy, "database") ?? "*", environment: text(policy, "environment") ?? "*" };
}

/** `[[databases]]` by their environments. */
export function readDatabases(config: ConfigTable): Scope[] {
  return tables(config, "databases").flatMap((database) =>
    texts(database, "environments").map((environment) => ({
      database: text(database, "name") ?? "",
      environment,
    })),
  );
}
