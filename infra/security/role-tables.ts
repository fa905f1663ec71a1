import { DOCUMENTED_ROLES, type DocumentedRole } from "./documented-roles.ts";
import type { RoleStatement } from "./role-statements.ts";

/** The reason of a statement; `undefined` when it has none. */
export function reasonOf(statement: RoleStatement): string | undefined {
  return documentedRole(statement)?.reasons[keyOf(statement)];
}

/** Documented reasons that none of the statements needs: `TITLE: ACTIONS`. */
export function unusedReasons(statements: readonly RoleStatement[]): string[] {
  return DOCUMENTED_ROLES.flatMap((documented) => {
    const used = new Set(statements.filter((it) => documentedRole(it) === documented).map(keyOf));
    return Object.keys(documented.reasons)
      .filter((key) => !used.has(key))
      .map((key) => `${documented.title}: ${key}`);
  });
}

/** The roles as a chapter of Markdown: a table each, with every statement once. */
export function roleTables(statements: readonly RoleStatement[]): string {
  return DOCUMENTED_ROLES.map((documented) => {
    const rows = new Map<string, RoleStatement>();
    for (const statement of statements)
      if (documentedRole(statement) === documented)
        rows.set(keyOf(statement), longer(rows.get(keyOf(statement)), statement));
    return [
      `### ${documented.title}`,
      "",
      documented.holder,
      "",
      "| Actions | On | Reason |",
      "| --- | --- | --- |",
      ...Object.entries(documented.reasons)
        .filter(([key]) => rows.has(key))
        .map(([key, reason]) => row(rows.get(key)!, reason)),
      ...unusedLines(documented),
    ].join("\n");
  }).join("\n\n");
}

/** Rights that no story uses, with the reason why they are kept. */
function unusedLines({ unused = {} }: DocumentedRole): string[] {
  const lines = Object.entries(unused).map(([actions, reason]) => {
    const code = actions.split(" ").map((action) => `\`${action}\``);
    return `- ${code.join(", ")}: ${reason}`;
  });
  return lines.length > 0 ? ["", "Not used by the end-to-end stories on the local stage:", "", ...lines] : [];
}

function documentedRole({ role }: RoleStatement): DocumentedRole | undefined {
  return DOCUMENTED_ROLES.find((documented) => documented.role.test(role));
}

function keyOf({ effect, actions }: RoleStatement): string {
  return `${effect === "Deny" ? "deny:" : ""}${actions.join(" ")}`;
}

/** Stages differ in how many resources a statement has: the one with most is shown. */
function longer(first: RoleStatement | undefined, second: RoleStatement): RoleStatement {
  return first && first.resources.length >= second.resources.length ? first : second;
}

function row({ effect, actions, resources, conditions }: RoleStatement, reason: string): string {
  const code = (texts: readonly string[]) => texts.map((text) => `\`${text}\``).join("<br>");
  const where = [code(resources), ...(conditions.length > 0 ? [`if ${code(conditions)}`] : [])].join("<br>");
  return `| ${effect === "Deny" ? "**denied** " : ""}${code(actions)} | ${where} | ${reason} |`;
}
