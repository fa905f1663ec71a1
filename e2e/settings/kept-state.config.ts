import type { CaptureMethod } from "@dbward-aws/contract";
import { defineConfig } from "@dbward-aws/settings";

const { E2E_STATE, E2E_BUCKET, E2E_CAPTURE_METHOD = "exec" } = process.env;

/**
 * A stage with two agents. The environment gives it state and a bucket that exist already, and chooses how
 * its tokens are captured.
 */
export default defineConfig({
  stages: {
    local: {
      ...(E2E_STATE ? { state: JSON.parse(E2E_STATE) } : {}),
      ...(E2E_BUCKET ? { storage: { bucketName: E2E_BUCKET } } : {}),
      server: { image: { tag: "0.2.0" }, configFile: "config/server.toml" },
      // The agent with the bootstrap token is the last one: an agent's place in the list has no meaning.
      agents: (["reports", "app"] as const).map((name) => ({
        name,
        ...(name === "app" ? { token: "bootstrap" as const } : {}),
        image: { tag: "0.2.0" },
        configFile: "config/agent.toml",
        // On this machine.
        database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
      })),
      capture: { method: E2E_CAPTURE_METHOD as CaptureMethod },
    },
  },
});
