import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CATALOGUE } from "./catalogue.ts";
import { runbookPage, withTables } from "./docs.ts";
import { runbookPath } from "./runbook-link.ts";

/** Writes the pages that are made from the catalogue: `pnpm --filter @dbward-aws/infra run docs`. */
const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

await mkdir(root("docs/runbooks"), { recursive: true });
for (const row of CATALOGUE) await writeFile(root(runbookPath(row.id)), runbookPage(row));
const page = root("docs/monitoring.md");
await writeFile(page, withTables(await readFile(page, "utf8")));
