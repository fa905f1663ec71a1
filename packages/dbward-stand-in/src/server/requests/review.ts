import { DEFAULT_REVIEW, type ReviewAction, type ReviewRule } from "../config/policies.ts";
import { isDdl, type Node, nodes, type Statement } from "./sql.ts";

/** Something about a statement that a policy may block. */
export interface Finding {
  readonly rule: ReviewRule;
  readonly message: string;
  readonly action: ReviewAction;
}

const WRITING = new Set(["InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"]);
const MAX_LIST = 100;

const CHECKS: Readonly<
  Record<Exclude<ReviewRule, "mixed_ddl_dml">, { message: string; finds: (of: Statement) => boolean }>
> = {
  no_where_delete: {
    message: "DELETE without WHERE clause",
    finds: ({ kind, tree }) => kind === "DeleteStmt" && !tree.whereClause,
  },
  no_where_update: {
    message: "UPDATE without WHERE clause",
    finds: ({ kind, tree }) => kind === "UpdateStmt" && !tree.whereClause,
  },
  drop_table: { message: "DROP TABLE detected", finds: drops("OBJECT_TABLE") },
  drop_column: { message: "DROP COLUMN detected", finds: alters("AT_DropColumn") },
  drop_index: { message: "DROP INDEX detected", finds: drops("OBJECT_INDEX") },
  drop_view: { message: "DROP VIEW detected", finds: drops("OBJECT_VIEW") },
  drop_sequence: { message: "DROP SEQUENCE detected", finds: drops("OBJECT_SEQUENCE") },
  create_sequence: { message: "CREATE SEQUENCE detected", finds: ({ kind }) => kind === "CreateSeqStmt" },
  not_null_without_default: {
    message: "ADD COLUMN NOT NULL without DEFAULT",
    finds: alters("AT_AddColumn", (command) => {
      const kinds = [...nodes(command, "Constraint")].map(({ contype }) => contype);
      return kinds.includes("CONSTR_NOTNULL") && !kinds.includes("CONSTR_DEFAULT");
    }),
  },
  create_index_not_concurrently: {
    message: "CREATE INDEX without CONCURRENTLY",
    finds: ({ kind, tree }) => kind === "IndexStmt" && tree.concurrent !== true,
  },
  alter_column_type: { message: "ALTER COLUMN TYPE detected", finds: alters("AT_AlterColumnType") },
  truncate: { message: "TRUNCATE detected", finds: ({ kind }) => kind === "TruncateStmt" },
  large_in_list: {
    message: `IN list with more than ${MAX_LIST} elements`,
    finds: ({ tree }) =>
      [...nodes(tree, "A_Expr")].some(
        ({ kind, rexpr }) => kind === "AEXPR_IN" && [...nodes(rexpr, "List")].some(isLong),
      ),
  },
};

function isLong({ items }: Node): boolean {
  return Array.isArray(items) && items.length > MAX_LIST;
}

function drops(what: string): (of: Statement) => boolean {
  return ({ kind, tree }) => kind === "DropStmt" && tree.removeType === what;
}

function alters(subtype: string, holds: (command: Node) => boolean = () => true): (of: Statement) => boolean {
  return ({ kind, tree }) =>
    kind === "AlterTableStmt" &&
    [...nodes(tree, "AlterTableCmd")].some((command) => command.subtype === subtype && holds(command));
}

/** What there is to say about statements, but for what the policy has switched off. */
export function review(
  statements: readonly Statement[],
  rules: Readonly<Record<ReviewRule, ReviewAction>> = DEFAULT_REVIEW,
): Finding[] {
  const found = Object.entries(CHECKS).flatMap(([rule, { message, finds }]) =>
    statements.filter(finds).map(() => ({ rule: rule as ReviewRule, message })),
  );
  if (statements.some(isDdl) && statements.some(({ kind }) => WRITING.has(kind)))
    found.push({ rule: "mixed_ddl_dml", message: "DDL and DML mixed in same batch" });
  return found
    .map((finding) => ({ ...finding, action: rules[finding.rule] }))
    .filter(({ action }) => action !== "off");
}
