/**
 * Whether a story runs the stand-in of dbward: it does unless `DBWARD_SERVER_BIN` or `DBWARD_AGENT_BIN` names
 * a real program. A dbward that is on the PATH by chance is not taken.
 */
export const STAND_IN = !process.env.DBWARD_SERVER_BIN && !process.env.DBWARD_AGENT_BIN;

/** What a server says that is started with the configuration of e2e/settings/refused.server.toml. */
export const REFUSED_ROLE = STAND_IN
  ? /auth\.groups\[0\]\.roles\[0\] must be one of admin/
  : /auth\.groups\[auditors\]: role '.*' is not defined in auth\.roles or built-in/;
