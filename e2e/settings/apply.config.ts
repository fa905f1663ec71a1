import { defineConfig } from "@dbward-aws/settings";

/** A stage whose server has its configuration in SSM, with two agents whose databases have secrets of their own, and perhaps an
 * existing topic. */
export default defineConfig({
  stages: {
    local: {
      server: { image: { tag: "0.2.0" }, configParameter: "/dbward/local/server" },
      ...(process.env.E2E_TOPIC && { monitoring: { topicArn: process.env.E2E_TOPIC } }),
      agents: (["app", "reports"] as const).map((name) => ({
        name,
        image: { tag: "0.2.0" },
        configFile: "config/agent.toml",
        // On this machine.
        database: { urlSecret: `dbward/local/${name}-url`, cidrs: ["127.0.0.0/8"] },
      })),
    },
  },
});
