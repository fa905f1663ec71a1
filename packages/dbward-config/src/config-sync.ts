import type { Problem } from "./problem.ts";

/** Rules of dbward's config sync, which stores a server.toml in the state. */
const SYNC_RULES = new Set([
  "database-limit",
  "execution-policy",
  "name",
  "result-policy-access",
  "trusted-proxies",
  "webhook-format",
  "webhook-host",
  "webhook-url",
  "workflow-approver",
  "workflow-deadlock",
  "workflow-min",
  "workflow-old-names",
  "workflow-operation",
  "workflow-step",
  "workflow-step-mode",
]);

/**
 * Whether a server finds a problem only in its config sync, after it has created its state and its bootstrap tokens. It finds all others
 * when it loads the file.
 */
export function isSeenBySync({ rule, path = "" }: Problem): boolean {
  return SYNC_RULES.has(rule) && !path.startsWith("auth.");
}
