import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { UsageError } from "@dbward-aws/cli";
import type { DbwardConfig } from "@dbward-aws/settings";

/** Name of the settings file. */
export const CONFIG_FILE = "dbward.config.ts";

/**
 * Reads the settings file.
 *
 * @param version another one for each content of the file: a module is read once only. @default - the file has
 * not changed
 * @throws UsageError when there is none, or it has no default export
 */
export async function importConfig(file: string, version?: number): Promise<DbwardConfig> {
  if (!existsSync(file))
    throw new UsageError(
      `${file} doesn't exist.`,
      "Run this in the project's folder, name the file with --config, or make one with `pnpm ops init`.",
    );
  const url = pathToFileURL(file);
  if (version !== undefined) url.searchParams.set("version", String(version));
  const module = (await import(url.href)) as { default?: DbwardConfig };
  if (!module.default)
    throw new UsageError(
      `${file} has no default export.`,
      "It has to begin with: export default defineConfig({ …",
    );
  return module.default;
}
