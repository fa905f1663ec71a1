import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute path of an entry file: `.ts` among the sources, `.js` in the build. */
const entry = (name: string): string =>
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url));

/**
 * Entry file of the stand-in dbward-server. Node runs it with `--import tsx` from the sources, by itself from
 * the build.
 */
export const STAND_IN_SERVER = entry("server/main");
/** Entry file of the stand-in dbward-agent. */
export const STAND_IN_AGENT = entry("agent/main");
/** Entry file of the database for stages that have none. */
export const STAND_IN_DATABASE = entry("database/main");
/** Entry file of what prepares that database. */
export const STAND_IN_PREPARE = entry("database/prepare");
