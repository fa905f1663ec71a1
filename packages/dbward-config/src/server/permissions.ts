const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  request: [
    "query",
    "dml",
    "ddl",
    "break_glass_query",
    "break_glass_dml",
    "break_glass_ddl",
    "view",
    "cancel",
    "resume",
    "preflight",
    "preflight_explain",
  ],
  result: ["view"],
  schema: ["read"],
  workflow: ["read", "write"],
  policy: ["write"],
  role: ["write"],
  user: ["read", "write"],
  webhook: ["write"],
  token: ["create", "revoke", "list", "create_agent", "reissue"],
  audit: ["read"],
  metrics: ["view"],
  agent: ["operate"],
};

const PERMISSIONS: ReadonlySet<string> = new Set(
  Object.entries(ACTIONS).flatMap(([resource, actions]) => actions.map((action) => `${resource}.${action}`)),
);

/** Whether this is a valid permission of a role: `*`, or a permission, optionally followed by `:own` (the default) or `:any`. */
export function isPermission(value: string): boolean {
  return value === "*" || PERMISSIONS.has(value.replace(/:(own|any)$/, ""));
}
