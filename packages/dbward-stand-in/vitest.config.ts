import { defineConfig } from "vitest/config";
import shared from "../../vitest.shared.ts";

export default defineConfig({
  ...shared,
  // Most tests wait for programs that they have started.
  test: { ...shared.test, globalSetup: "src/conformance/support/bundle.ts", maxWorkers: 2 },
});
