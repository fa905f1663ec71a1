import { METRICS_ROLE } from "@dbward-aws/contract";

/**
 * What the deployment looks for in a server.toml, as regular expressions for lines on which a statement begins. They are read by
 * JavaScript and by awk, so they keep to what both have in common.
 */
export const PATTERNS = {
  header: "^[ \t]*\\[",
  storageTable: header("result_storage"),
  loggingTable: header("logging"),
  roleTable: `^[ \t]*\\[\\[[ \t]*${word("auth")}[ \t]*\\.[ \t]*${word("roles")}[ \t]*\\]\\]`,
  stateDirectory: key("state_dir"),
  /**
   * Keys of `[result_storage]` that the deployment sets itself: where results are kept, and by whose right. Its own bucket is reached
   * by the role of the task.
   */
  ownedStorage: key("(backend|root_dir|bucket|region|endpoint|access_key_id|secret_access_key)"),
  logFormat: key("format"),
  metricsRole: `${key("name")}[ \t]*["']${METRICS_ROLE}["']`,
  blank: "^[ \t\r]*(#|$)",
  /** A variable of the text, from its first character. */
  variable: "^[$][{][A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?[}]",
} as const;

export type PatternName = keyof typeof PATTERNS;

function header(name: string): string {
  return `^[ \t]*\\[[ \t]*${word(name)}[ \t]*\\]`;
}

function key(name: string): string {
  return `^[ \t]*${word(name)}[ \t]*=`;
}

/** A key, bare or in quotes. */
function word(name: string): string {
  return `["']?${name}["']?`;
}
