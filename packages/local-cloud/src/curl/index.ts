import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** Absolute path of a small `curl` for machines without one. Node runs it with `--import tsx` from the sources. */
export const CURL = fileURLToPath(new URL(`./curl${extname(import.meta.url)}`, import.meta.url));
