import { type Database, MAX_ROWS, type StatementOptions } from "./databases/database.ts";
import type { Claim, JobResult } from "./server-api.ts";

/** Does what a claim asks for. @throws DatabaseError, Error */
export function executeOperation(
  claim: Claim,
  database: Database,
  options: StatementOptions,
): Promise<JobResult> {
  switch (claim.operation) {
    case "execute_select":
      return select(claim, database, options);
    case "execute_dml":
      return execute(claim, database, options);
    case "migrate_up":
    case "migrate_down":
      return migrate(claim, database, options);
    case "migrate_status":
      return migrationStatus(database, options);
    case "migrate_repair":
      return repair(claim, database, options);
    default:
      throw new Error(`unsupported operation: ${claim.operation}`);
  }
}

/** How a failure is reported. */
export function resultOfFailure(error: Error, { operation }: Claim): JobResult {
  if (!(error instanceof PartlyMigrated)) return { success: false, error_message: error.message };
  const before = operation === "migrate_down" ? "reverted_before_failure" : "applied_before_failure";
  return {
    success: false,
    error_message: error.message,
    result_data: JSON.stringify({ [before]: error.completed, error: error.message }),
  };
}

async function select(claim: Claim, database: Database, options: StatementOptions): Promise<JobResult> {
  const { rows, truncated, truncationReason } = await database.select(sqlOf(claim), {
    ...options,
    maxRows: claim.max_rows ?? MAX_ROWS,
  });
  const rest = `"truncated":${truncated},"truncation_reason":${JSON.stringify(truncationReason)}`;
  return { success: true, result_data: `{"rows":[${rows.join(",")}],${rest}}`, truncated };
}

async function execute(claim: Claim, database: Database, options: StatementOptions): Promise<JobResult> {
  const affected = await database.execute(sqlOf(claim), options);
  return { success: true, result_data: JSON.stringify({ rows_affected: affected }), rows_affected: affected };
}

/** What is executed is what was signed: the plan where there is one. */
function sqlOf({ execution_plan_json, detail }: Claim): string {
  return execution_plan_json == null ? detail : (JSON.parse(execution_plan_json) as string[]).join(";\n");
}

/** Body of a request for a migration. */
interface Migrations {
  readonly migrations: readonly { readonly version: string; readonly sql: string }[];
  readonly max_count?: number;
}

/** Some migrations were made before one failed. */
class PartlyMigrated extends Error {
  readonly completed: readonly string[];

  constructor(completed: readonly string[], cause: Error) {
    super(cause.message);
    this.completed = completed;
  }
}

async function migrate(claim: Claim, database: Database, options: StatementOptions): Promise<JobResult> {
  const { migrations, max_count } = JSON.parse(claim.detail) as Migrations;
  const isUp = claim.operation === "migrate_up";
  const applied = await appliedVersions(database, options);
  const wanted = (isUp ? migrations : [...migrations].reverse())
    .filter(({ version }) => applied.includes(version) !== isUp)
    .slice(0, max_count);
  const done: string[] = [];
  for (const { version, sql } of wanted) {
    const record = isUp ? recordSql(version) : forgetSql(version);
    try {
      await database.execute(`${sql}\n;\n${record}`, options);
    } catch (error) {
      throw done.length > 0 ? new PartlyMigrated(done, error as Error) : error;
    }
    done.push(version);
  }
  return { success: true, result_data: JSON.stringify({ [isUp ? "applied" : "reverted"]: done }) };
}

async function migrationStatus(database: Database, options: StatementOptions): Promise<JobResult> {
  const versions = await appliedVersions(database, options);
  return { success: true, result_data: JSON.stringify({ applied_versions: versions }) };
}

async function repair({ detail }: Claim, database: Database, options: StatementOptions): Promise<JobResult> {
  const { action, version } = JSON.parse(detail) as { action?: string; version?: string };
  if (!version || (action !== "mark_applied" && action !== "remove"))
    throw new Error("a repair needs a version, and mark_applied or remove as its action");
  const isApplied = (await appliedVersions(database, options)).includes(version);
  if (isApplied !== (action === "mark_applied"))
    await database.execute(isApplied ? forgetSql(version) : recordSql(version), options);
  return { success: true, result_data: JSON.stringify({ repaired: action, version }) };
}

async function appliedVersions(database: Database, options: StatementOptions): Promise<string[]> {
  // MySQL takes no text without a length for a key.
  const type = database.dialect === "mysql" ? "VARCHAR(255)" : "TEXT";
  await database.execute(
    `CREATE TABLE IF NOT EXISTS schema_migrations (version ${type} PRIMARY KEY)`,
    options,
  );
  const { rows } = await database.select("SELECT version FROM schema_migrations ORDER BY version", {
    ...options,
    maxRows: MAX_ROWS,
  });
  return rows.map((row) => (JSON.parse(row) as { version: string }).version);
}

function recordSql(version: string): string {
  return `INSERT INTO schema_migrations (version) VALUES (${quoted(version)});`;
}

function forgetSql(version: string): string {
  return `DELETE FROM schema_migrations WHERE version = ${quoted(version)};`;
}

/** @throws at a version that would not stay in its quotes */
function quoted(version: string): string {
  if (/[';\\\n\r\0]/.test(version)) throw new Error("invalid migration version");
  return `'${version}'`;
}
