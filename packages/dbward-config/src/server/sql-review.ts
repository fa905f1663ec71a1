import { NAME } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { table } from "../schema/table.ts";
import { refuseTwice } from "../schema/twice.ts";
import { list, oneOf, text } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";
import { scopeOf } from "./scope.ts";

const action = oneOf("sql-review-action", ["block", "warn", "off"]);

const name = text.where(NAME).where({
  rule: "sql-review-any",
  expected: 'another name: dbward uses "any" for "*"',
  accepts: (value) => value !== "any",
});

/** `[[sql_review]]`. */
export const sqlReview = list(
  table(
    {
      database: name,
      environment: name,
      no_where_delete: action,
      no_where_update: action,
      drop_table: action,
      drop_column: action,
      not_null_without_default: action,
      create_index_not_concurrently: action,
      alter_column_type: action,
      truncate: action,
      mixed_ddl_dml: action,
      large_in_list: action,
      drop_index: action,
      drop_view: action,
      drop_sequence: action,
      create_sequence: action,
    },
    { strict: true, exactLength: true },
  ),
);

/** A rule for the whole file: one entry for each database and environment. */
export function checkReviewScopes(config: TableNode, root: Path, report: Report): void {
  const reviews = config.tables("sql_review").map(({ table: review, index }) => ({
    key: scopeOf(review),
    at: review,
    path: child(root, "sql_review", index),
  }));
  refuseTwice(reviews, "sql-review-scope", report, "is for the same database and environment as");
}
