import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { variantStatements } from "../test-support/variant-templates.ts";
import { roleTables } from "./role-tables.ts";

/** Writes the tables of `docs/security.md`: `pnpm --filter @dbward-aws/infra docs`. */
const page = fileURLToPath(new URL("../../docs/security.md", import.meta.url));
const text = await readFile(page, "utf8");
await writeFile(
  page,
  text.replace(
    /(<!-- roles -->)[\s\S]*(<!-- \/roles -->)/,
    (_all, open: string, close: string) => `${open}\n\n${roleTables(variantStatements())}\n\n${close}`,
  ),
);
