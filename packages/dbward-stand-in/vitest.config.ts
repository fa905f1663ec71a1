import { defineConfig } from "vitest/config";
import shared from "../../vitest.shared.ts";

export default defineConfig({
  ...shared,
  // Most tests wait for programs that they have started, some for a database that is prepared at its first start.
  test: {
    ...shared.test,
    globalSetup: "src/conformance/support/bundle.ts",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
