import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { withTables } from "./docs.ts";

/** Writes the tables of `docs/monitoring.md`: `pnpm --filter @dbward-aws/infra run docs`. */
const page = fileURLToPath(new URL("../../docs/monitoring.md", import.meta.url));
await writeFile(page, withTables(await readFile(page, "utf8")));
