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
      // The agent with the bootstrap token is the last one: an agent's place in the list has no meaning.
      agents: (["reports", "app"] as const).map((name) => ({
        name,
        ...(name === "app" ? { token: "bootstrap" as const } : {}),
        image: { tag: TAG },
        configFile: "config/agent.toml",
        // On this machine.
        database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
      })),
      monitoring: { level: "full" },
      // The story empties secrets, and counts what deployments do.
      apply: { configuration: false, secrets: "none" },
      capture: { method: (process.env.E2E_CAPTURE_METHOD ?? "exec") as CaptureMethod },
    },
  },
});
