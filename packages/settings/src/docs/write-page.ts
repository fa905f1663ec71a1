import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { settingsSections } from "./settings-page.ts";

/** Writes the sections of docs/settings.md: `pnpm --filter @dbward-aws/settings run docs`. */
const page = fileURLToPath(new URL("../../../../docs/settings.md", import.meta.url));
const text = await readFile(page, "utf8");
await writeFile(
  page,
  text.replace(
    /(<!-- settings -->)[\s\S]*(<!-- \/settings -->)/,
    (_all, open: string, close: string) => `${open}\n\n${settingsSections()}\n\n${close}`,
  ),
);
