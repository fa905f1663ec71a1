/** Permission that stands for all of them. */
const EVERYTHING = "*";

/** Roles that every server has; server.toml can't redefine them. */
export const BUILT_IN_ROLES: ReadonlyMap<string, readonly string[]> = new Map([
  ["admin", [EVERYTHING]],
  ["requester", ["request.create", "request.view"]],
  ["approver", ["request.view", "request.approve"]],
  ["operator", ["request.view", "metrics.view"]],
  ["agent-default", ["agent.poll"]],
]);

/** `noun.verb`, or the permission for everything. */
export function isPermission(text: string): boolean {
  return text === EVERYTHING || /^[a-z][a-z_]*\.[a-z][a-z_]*$/.test(text);
}

/** Whether `permissions` contain `wanted`. */
export function allows(permissions: readonly string[], wanted: string): boolean {
  return permissions.includes(EVERYTHING) || permissions.includes(wanted);
}
