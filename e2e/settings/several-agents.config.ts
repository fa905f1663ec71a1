import type { CaptureMethod } from "@dbward-aws/contract";
import { defineConfig } from "@dbward-aws/settings";

const TAG = process.env.DBWARD_SERVER_TAG ?? "0.2.0";

/** A stage with two agents. The environment chooses how its tokens are captured, and can spoil its server. */
export default defineConfig({
  stages: {
    local: {
      server: {
        image: { tag: TAG },
        configFile: process.env.E2E_SERVER_CONFIG ?? "config/server.toml",
        // Read by the file that spoils the server.
        secrets: { AUDITORS_ROLE: "dbward/local/auditors-role" },
      },
      agents: ["app", "reports"].map((name) => ({
        name,
        image: { tag: TAG },
        configFile: "config/agent.toml",
        database: { urlSecret: "dbward/local/database-url" },
      })),
      capture: { method: (process.env.E2E_CAPTURE_METHOD ?? "exec") as CaptureMethod },
    },
  },
});
