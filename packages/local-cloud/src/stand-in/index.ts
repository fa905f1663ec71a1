import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** `.ts` when this runs from the sources, `.js` from the build. */
const EXTENSION = extname(import.meta.url);

/** Absolute path of an entry file beside this one. */
const entry = (name: string): string => fileURLToPath(new URL(`./${name}${EXTENSION}`, import.meta.url));

/** Entry file of the stand-in dbward-server. */
export const STAND_IN_SERVER = entry("server");
/** Entry file of the stand-in dbward-agent. */
export const STAND_IN_AGENT = entry("agent");

/**
 * The command that starts a stand-in from any working directory, to be followed by the program's own arguments.
 *
 * @param file {@link STAND_IN_SERVER} or {@link STAND_IN_AGENT}
 */
export function standInCommand(file: string): readonly string[] {
  if (EXTENSION === ".js") return [process.execPath, file];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return [process.execPath, "--import", loader, file];
}
