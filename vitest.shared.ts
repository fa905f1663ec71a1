import { configDefaults, defineConfig } from "vitest/config";

/**
 * What every package's tests share. Sources of workspace packages are read directly (condition
 * `@dbward-aws/source`), so that a test never runs against a stale build; the JSON report is what
 * `.ci/run` counts, also when turbo replays it from its cache.
 */
export default defineConfig({
  resolve: { conditions: ["@dbward-aws/source"] },
  ssr: { resolve: { conditions: ["@dbward-aws/source"] } },
  test: {
    exclude: [...configDefaults.exclude, "dist/**"],
    reporters: ["default", "json"],
    outputFile: { json: ".reports/vitest.json" },
    // Far more than any test takes: only one that hangs is to fail by it, never one on a busy machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
});
