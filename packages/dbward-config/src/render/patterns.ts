import { METRICS_ROLE } from "@dbward-aws/contract";

/**
 * Regular expressions for lines of a server.toml on which a statement begins. JavaScript and awk use them, so they contain only what both
 * support.
 */
export const PATTERNS = {
  header: "^[ \t]*\\[",
  storageTable: header("result_storage"),
  loggingTable: header("logging"),
  roleTable: `^[ \t]*\\[\\[[ \t]*${word("auth")}[ \t]*\\.[ \t]*${word("roles")}[ \t]*\\]\\]`,
  stateDirectory: key("state_dir"),
  /**
   * Keys of `[result_storage]` that the deployment sets or removes: the place of the results and the credentials, because the server uses
   * the role of its task.
   */
  ownedStorage: key("(backend|root_dir|bucket|region|endpoint|access_key_id|secret_access_key)"),
  logFormat: key("format"),
  metricsRole: `${key("name")}[ \t]*["']${METRICS_ROLE}["']`,
  blank: "^[ \t\r]*(#|$)",
  /** A reference to a variable at the beginning of a text. */
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
