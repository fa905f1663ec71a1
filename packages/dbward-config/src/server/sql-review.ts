import { NAME } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { table } from "../schema/table.ts";
import { list, oneOf, text } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";
import { scopeOf } from "./scope.ts";

const action = oneOf("sql-review-action", ["block", "warn", "off"]);

const name = text.where(NAME).where({
  rule: "sql-review-any",
  expected: 'another name than "any", which dbward uses for "*"',
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

/** A rule of the whole file: one entry a scope. */
export function checkReviewScopes(config: TableNode, root: Path, report: Report): void {
  const seen = new Map<string, Path>();
  for (const { table: review, index } of config.tables("sql_review")) {
    const path = child(child(root, "sql_review"), index);
    const first = seen.get(scopeOf(review));
    if (first) {
      report.add(
        review,
        path,
        "sql-review-scope",
        `${report.render(path)} is for the same database and environment as ${report.render(first)}. Make one of the two.`,
      );
    } else seen.set(scopeOf(review), path);
  }
}
