import { NAME } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import type { Report } from "../schema/report.ts";
import { required, table } from "../schema/table.ts";
import { list, text } from "../schema/types.ts";
import type { TableNode } from "../toml/nodes.ts";

/** Number of databases in dbward's free plan. */
const FREE_PLAN_DATABASES = 3;

/** With a licence, the licence has the limit, and only dbward can read it. */
const LICENCE_VARIABLES = ["DBWARD_LICENSE_KEY", "DBWARD_LICENSE_FILE"];

/** `[[databases]]`. */
export const databases = list(
  table({ name: required(text), environments: list(text.where(NAME)) }, { rules: [checkName] }),
);

/** dbward checks the name only if the database has environments. */
function checkName(database: TableNode, path: Path, report: Report): void {
  const name = database.text("name");
  if (!name || database.items("environments").length === 0 || NAME.accepts(name.value)) return;
  report.expect(name, child(path, "name"), NAME.rule, NAME.expected);
}

/** A rule for the whole file. A name counts once, `*` counts, and a database without environments does not. */
export function limitDatabases(config: TableNode, root: Path, report: Report): void {
  if (LICENCE_VARIABLES.some((name) => report.variable(name)?.trim())) return;
  const names = new Set<string>();
  for (const { table: database, index } of config.tables("databases")) {
    const name = database.text("name");
    if (!name || database.items("environments").length === 0 || names.has(name.value)) continue;
    names.add(name.value);
    if (names.size <= FREE_PLAN_DATABASES) continue;
    report.add(
      name,
      child(root, "databases", index),
      "database-limit",
      `dbward's free plan allows ${FREE_PLAN_DATABASES} databases, and this is number ${names.size}. All environments of a database count as one.`,
    );
  }
}
