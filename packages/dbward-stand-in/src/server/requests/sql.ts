import type { ParseResult } from "libpg-query";
import { invalid } from "../http/answer.ts";
import type { Operation } from "../state/records.ts";

/** One statement of a text. */
export interface Statement {
  /** As it was written. */
  readonly text: string;
  /** Kind of its node in PostgreSQL's syntax tree, such as `SelectStmt`. */
  readonly kind: string;
  readonly tree: Node;
}

/** A node of a syntax tree, without its kind. */
export type Node = Readonly<Record<string, unknown>>;

/** What a text does. */
export interface Classification {
  readonly operation: Operation;
  readonly statements: readonly Statement[];
  /** Whether it changes the schema, and does nothing else. */
  readonly ddlOnly: boolean;
  readonly ddl: boolean;
}

const MAX_STATEMENTS = 100;

/**
 * Decides by the SQL what a request does, by PostgreSQL's own grammar: reading
 * (`execute_select`) or anything else (`execute_dml`). MySQL's dialect isn't known.
 *
 * @throws Refusal 400 for what is empty, can't be parsed or is never allowed
 */
export async function classify(sql: string): Promise<Classification> {
  const statements = await parse(sql);
  if (statements.length === 0) throw invalid("empty query");
  if (statements.length > MAX_STATEMENTS)
    throw invalid(`query exceeds maximum of ${MAX_STATEMENTS} statements`);
  for (const statement of statements) refuseForbidden(statement);
  const reading = statements.every(isReading);
  if (reading) checkResults(statements);
  const ddl = statements.filter(isDdl);
  return {
    operation: reading ? "execute_select" : "execute_dml",
    statements,
    ddlOnly: ddl.length > 0 && statements.every((each) => isDdl(each) || isReading(each)),
    ddl: ddl.length > 0,
  };
}

async function parse(sql: string): Promise<Statement[]> {
  // Loaded with the first request: a start has to be quick, and most servers of a test never see one.
  const parser = await import("libpg-query");
  let result: ParseResult;
  try {
    result = await parser.parse(sql);
  } catch (error) {
    if (sql.trim() === "") return [];
    throw invalid(
      `SQL blocked by review: SQL could not be parsed; cannot verify safety rules: ${(error as Error).message}`,
    );
  }
  const bytes = Buffer.from(sql);
  return (result.stmts ?? []).map(({ stmt, stmt_location: start = 0, stmt_len: length }) => {
    const [kind, tree] = Object.entries(stmt as object)[0] as [string, Node];
    const text = bytes
      .subarray(start, length ? start + length : undefined)
      .toString("utf8")
      .trim();
    return { text, kind, tree };
  });
}

/** All nodes of a kind in a tree, however deep. */
export function* nodes(tree: unknown, kind: string): Generator<Node> {
  if (typeof tree !== "object" || tree === null) return;
  for (const [name, value] of Object.entries(tree)) {
    if (name === kind && typeof value === "object" && value !== null) yield value as Node;
    yield* nodes(value, kind);
  }
}

const DDL = new Set([
  "CreateStmt",
  "CreateTableAsStmt",
  "ViewStmt",
  "IndexStmt",
  "AlterTableStmt",
  "TruncateStmt",
  "CreateSeqStmt",
  "DropStmt",
]);

/** Whether a statement changes the schema. */
export function isDdl({ kind }: Statement): boolean {
  return DDL.has(kind);
}

/** What is never allowed: dbward wants a migration for these, or nothing of the kind at all. */
const FORBIDDEN: Readonly<Record<string, string>> = {
  TransactionStmt: "transaction control is not allowed; each request is an independent execution unit",
  LockStmt: "LOCK TABLE is not allowed",
  GrantStmt: "GRANT and REVOKE are not allowed",
  GrantRoleStmt: "GRANT and REVOKE are not allowed",
  CreateRoleStmt: "CREATE ROLE is not allowed",
  AlterRoleStmt: "ALTER ROLE is not allowed",
  DropRoleStmt: "DROP ROLE is not allowed",
  CreateSchemaStmt: "CREATE SCHEMA is not allowed",
  CreatedbStmt: "CREATE DATABASE is not allowed",
  DropdbStmt: "DROP DATABASE is not allowed",
  CreateFunctionStmt: "CREATE FUNCTION is not allowed",
  CompositeTypeStmt: "CREATE TYPE is not allowed",
  CreateEnumStmt: "CREATE TYPE is not allowed",
};

/** What may be dropped; everything else needs a migration. */
const DROPPABLE = new Set(["OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE"]);

/** Settings that a text may change for itself. */
const SAFE_SETTINGS = new Set([
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "timezone",
  "datestyle",
  "client_encoding",
  "application_name",
  "extra_float_digits",
]);

function refuseForbidden({ kind, tree }: Statement): void {
  const reason = FORBIDDEN[kind];
  if (reason !== undefined) throw invalid(reason);
  if (kind === "DropStmt" && !DROPPABLE.has(String(tree.removeType)))
    throw invalid("only tables, views, indexes and sequences can be dropped");
  if (kind === "VariableSetStmt" && !SAFE_SETTINGS.has(String(tree.name).toLowerCase()))
    throw invalid(`SET ${String(tree.name)} is not allowed`);
}

/** Functions that do something beside giving a value. */
const ACTING_FUNCTIONS = new Set([
  "dblink",
  "dblink_connect",
  "dblink_exec",
  "lo_create",
  "lo_creat",
  "lo_export",
  "lo_from_bytea",
  "lo_import",
  "lo_put",
  "lo_truncate",
  "lo_truncate64",
  "lo_unlink",
  "lowrite",
  "nextval",
  "pg_advisory_lock",
  "pg_advisory_xact_lock",
  "pg_cancel_backend",
  "pg_ls_dir",
  "pg_notify",
  "pg_read_binary_file",
  "pg_read_file",
  "pg_sleep",
  "pg_terminate_backend",
  "set_config",
  "setval",
]);

function isReading(statement: Statement): boolean {
  const { kind, tree } = statement;
  if (kind === "VariableShowStmt" || kind === "VariableSetStmt") return true;
  if (kind === "ExplainStmt") return !isAnalyzing(tree) || isReadingTree(tree.query);
  return kind === "SelectStmt" && isReadingTree({ SelectStmt: tree });
}

function isAnalyzing(explain: Node): boolean {
  return [...nodes(explain.options, "DefElem")].some(({ defname }) => defname === "analyze");
}

function isReadingTree(tree: unknown): boolean {
  for (const kind of ["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "LockingClause", "intoClause"])
    for (const _ of nodes(tree, kind)) return false;
  for (const call of nodes(tree, "FuncCall")) if (ACTING_FUNCTIONS.has(functionName(call))) return false;
  return true;
}

function functionName({ funcname }: Node): string {
  const names = [...nodes(funcname, "String")].map(({ sval }) => String(sval));
  return (names.at(-1) ?? "").toLowerCase();
}

/** A request has one result: settings may stand before the query, and nothing behind it. */
function checkResults(statements: readonly Statement[]): void {
  const first = statements.findIndex(({ kind }) => kind !== "VariableSetStmt");
  if (first !== -1 && first < statements.length - 1)
    throw invalid(
      "only SET statements may stand before a query, and nothing behind it; submit each query separately",
    );
}

/** Names of the tables in statements, with their schemas where they are named. */
export function tableNames(statements: readonly Statement[]): string[] {
  const names = statements.flatMap(({ tree }) => [...relations(tree)]);
  return [
    ...new Set(
      names.map(({ schemaname, relname }) => (schemaname ? `${schemaname}.${relname}` : String(relname))),
    ),
  ];
}

function* relations(tree: unknown): Generator<Node> {
  if (typeof tree !== "object" || tree === null) return;
  if ("relname" in tree) yield tree as Node;
  for (const value of Object.values(tree)) yield* relations(value);
}
