import { NAME } from "../names.ts";
import { child, type Path } from "../schema/path.ts";
import { removed } from "../schema/removed.ts";
import type { Report } from "../schema/report.ts";
import { optional, required, table } from "../schema/table.ts";
import { refuseTwice } from "../schema/twice.ts";
import { list, text, u32 } from "../schema/types.ts";
import type { TableNode, TextNode } from "../toml/nodes.ts";
import { oidc } from "./oidc.ts";
import { isPermission } from "./permissions.ts";

/** dbward's built-in roles. */
const BUILT_IN_ROLES = ["admin", "requester", "approver", "operator", "agent-default"];

const roles = list(
  table({
    name: required(
      text.where({
        rule: "role-builtin",
        expected: `a name other than those of the built-in roles, ${BUILT_IN_ROLES.join(", ")}`,
        accepts: (value) => !BUILT_IN_ROLES.includes(value),
      }),
    ),
    permissions: required(
      list(
        text.where({
          rule: "role-permission",
          expected: 'a permission of dbward, such as "metrics.view" or "request.view:any", or "*"',
          accepts: isPermission,
        }),
        { rule: "role-permission", atLeastOne: "permission" },
      ),
    ),
    databases: list(text.where(NAME)),
    environments: list(text.where(NAME)),
  }),
);

const groups = list(
  table(
    { name: required(text), roles: required(list(text, { rule: "group-roles", atLeastOne: "role" })) },
    { rules: [removed("members", 'Put users into groups with "dbward user add --group".')] },
  ),
);

/** `[auth]`. */
export const auth = table(
  {
    oidc,
    default_role: optional(text),
    roles,
    groups,
    token_policy: table({ max_active_tokens_per_user: u32 }),
  },
  {
    rules: [
      removed("role_bindings", 'Assign roles with "dbward user add --role" or in [[auth.groups]].'),
      checkNames,
      checkRoles,
    ],
  },
);

function checkNames(section: TableNode, path: Path, report: Report): void {
  for (const [field, rule] of [
    ["roles", "role-duplicate"],
    ["groups", "group-duplicate"],
  ] as const) {
    const names = section.tables(field).flatMap(({ table: entry, index }) => {
      const name = entry.text("name");
      return name ? [{ key: name.value, at: name, path: child(path, field, index, "name") }] : [];
    });
    refuseTwice(names, rule, report);
  }
}

/** Roles that are referred to must be built in or defined in the file. */
function checkRoles(section: TableNode, path: Path, report: Report): void {
  const custom = section.tables("roles").map(({ table: role }) => role.text("name")?.value);
  const known = new Set([...BUILT_IN_ROLES, ...custom]);
  const check = (role: TextNode | undefined, place: Path) => {
    if (!role || known.has(role.value)) return;
    report.expect(
      role,
      place,
      "role-unknown",
      `one of ${BUILT_IN_ROLES.join(", ")}, or the name of one of [[auth.roles]]`,
    );
  };
  check(section.text("default_role"), child(path, "default_role"));
  for (const { table: group, index } of section.tables("groups")) {
    const place = child(path, "groups", index, "roles");
    for (const { text: role, index: at } of group.texts("roles")) check(role, child(place, at));
  }
  const mappings = child(path, "oidc", "role_mappings");
  for (const { table: mapping, index } of section.table("oidc")?.tables("role_mappings") ?? []) {
    check(mapping.text("role"), child(mappings, index, "role"));
  }
}
