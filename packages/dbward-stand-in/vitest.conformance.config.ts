import { defineConfig } from "vitest/config";
import shared from "../../vitest.shared.ts";

/** The suite against the programs that `DBWARD_SERVER_BIN` and `DBWARD_AGENT_BIN` name, in place of the stand-in. */
export default defineConfig({
  ...shared,
  test: {
    include: ["src/conformance/**/*.test.ts"],
    env: { CONFORMANCE_PROGRAMS: "environment" },
    globalSetup: ["src/conformance/support/announce.ts", "src/conformance/support/bundle.ts"],
    // The real server takes 20 s to stop, and minutes for what DBWARD_CONFORMANCE_SLOW asks for.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
