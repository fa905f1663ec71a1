import { defineConfig } from "@dbward-aws/settings";

const image = { tag: process.env.DBWARD_SERVER_TAG ?? "0.2.0" };

/** A stage with two agents whose tokens are rotated. */
export default defineConfig({
  stages: {
    local: {
      server: { image, configFile: "config/server.toml" },
      agents: (["app", "reports"] as const).map((name) => ({
        name,
        ...(name === "app" ? { token: "bootstrap" as const } : {}),
        image,
        configFile: "config/agent.toml",
        database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
      })),
      tokens: { rotateAfterDays: 90 },
    },
  },
});
