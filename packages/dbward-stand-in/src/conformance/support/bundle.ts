import { rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

/** Beside what the bundles refer to by name. */
const FOLDER = join(import.meta.dirname, "../../../node_modules/.cache", `stand-in-${process.pid}`);

/**
 * Puts each of the two programs into one file before the tests: the suite starts them a hundred times, and a
 * start from the sources takes five times as long. Tells the tests where they are by `STAND_IN_BUNDLES`.
 */
export default async function bundle(): Promise<() => Promise<void>> {
  await build({
    entryPoints: {
      server: join(import.meta.dirname, "../../server/main.ts"),
      agent: join(import.meta.dirname, "../../agent/main.ts"),
    },
    outdir: FOLDER,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    conditions: ["@dbward-aws/source"],
    // They bring files of their own, or are loaded by few tests.
    external: ["libpg-query", "@electric-sql/*", "pg", "mysql2"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  process.env.STAND_IN_BUNDLES = FOLDER;
  return () => rm(FOLDER, { recursive: true, force: true });
}
