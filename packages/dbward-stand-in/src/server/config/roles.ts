/** Whose things a permission is about: one's own, or everybody's. */
export type Ownership = "own" | "any";

/** What dbward knows permissions for. `*` is all of them. */
export type Permission =
  | "request.query"
  | "request.dml"
  | "request.ddl"
  | "request.break_glass_query"
  | "request.break_glass_dml"
  | "request.break_glass_ddl"
  | "request.view"
  | "request.cancel"
  | "request.resume"
  | "request.preflight"
  | "request.preflight_explain"
  | "result.view"
  | "schema.read"
  | "workflow.read"
  | "workflow.write"
  | "policy.write"
  | "role.write"
  | "user.read"
  | "user.write"
  | "webhook.write"
  | "token.create"
  | "token.revoke"
  | "token.list"
  | "token.create_agent"
  | "token.reissue"
  | "audit.read"
  | "metrics.view"
  | "agent.operate"
  | "*";

/** A role, built in or of the file. */
export interface Role {
  readonly name: string;
  readonly permissions: ReadonlyMap<Permission, Ownership>;
  /** Names, or `*`. */
  readonly databases: readonly string[];
  /** Names, or `*`. */
  readonly environments: readonly string[];
}

/** Role of every agent's token. */
export const AGENT_ROLE = "agent-default";

const VIEWER: readonly Permission[] = [
  "request.view",
  "result.view",
  "schema.read",
  "workflow.read",
  "token.create",
  "token.revoke",
];
const ASKING: readonly Permission[] = ["request.query", "request.dml", "request.ddl"];
const HANDLING: readonly Permission[] = ["request.cancel", "request.resume"];

/** The roles that are there without being in the file. */
export const BUILT_IN_ROLES: readonly Role[] = [
  builtIn("requester", [...ASKING, ...HANDLING, "request.preflight", "request.preflight_explain", ...VIEWER]),
  builtIn("approver", VIEWER),
  builtIn(
    "operator",
    [
      ...ASKING,
      "request.break_glass_query",
      "request.break_glass_dml",
      "request.break_glass_ddl",
      "schema.read",
      "audit.read",
      "metrics.view",
      "workflow.read",
      "token.create",
      "token.revoke",
    ],
    ["request.view", ...HANDLING, "result.view"],
  ),
  builtIn(
    "admin",
    [
      "workflow.read",
      "workflow.write",
      "policy.write",
      "role.write",
      "user.read",
      "user.write",
      "webhook.write",
      "token.create",
      "token.list",
      "token.create_agent",
      "token.reissue",
      "audit.read",
      "metrics.view",
    ],
    ["token.revoke"],
  ),
  builtIn(AGENT_ROLE, ["agent.operate"]),
];

function builtIn(name: string, own: readonly Permission[], any: readonly Permission[] = []): Role {
  return {
    name,
    permissions: new Map([
      ...own.map((permission) => [permission, "own"] as const),
      ...any.map((permission) => [permission, "any"] as const),
    ]),
    databases: ["*"],
    environments: ["*"],
  };
}

/**
 * A role of the file.
 * @param permissions such as `request.view:any`; without the part behind the colon it is one's own
 */
export function roleOf(
  name: string,
  permissions: readonly string[],
  databases: readonly string[],
  environments: readonly string[],
): Role {
  return {
    name,
    permissions: new Map(
      permissions.map((text) => {
        const [permission, ownership = "own"] = text.split(":") as [Permission, Ownership?];
        return [permission, permission === "*" ? "any" : ownership];
      }),
    ),
    databases: databases.length > 0 ? databases : ["*"],
    environments: environments.length > 0 ? environments : ["*"],
  };
}
