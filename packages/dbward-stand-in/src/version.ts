/**
 * Version that the stand-in says it is: that of the dbward whose behaviour it follows, unless a test wants
 * another.
 */
export const VERSION = process.env.DBWARD_STANDIN_VERSION || "0.2.0";

/** Agents below this version get `upgrade_required`: a server accepts none that are older than itself. */
export const MIN_AGENT_VERSION = process.env.DBWARD_STANDIN_MIN_AGENT_VERSION || VERSION;

/** Schema of the state: every minor version has its own, so that an upgrade of the image migrates. */
export const SCHEMA_VERSION = Number(VERSION.split(".")[1] ?? "") || 1;
