import { defineConfig } from "@dbward-aws/settings";

/**
 * A project as it begins, with an example of a stage. A story writes another one beside it or in its place.
 * It names the secret with the database's URL, and where the database is.
 */
export default defineConfig({
  stages: {
    // An example, with one agent.
    local: {
      server: { image: { tag: "0.2.0" }, configFile: "config/server.toml" },
      agents: [
        {
          name: "app",
          image: { tag: "0.2.0" },
          configFile: "config/agent.toml",
          database: { urlSecret: "dbward/local/database-url", cidrs: ["203.0.113.10/32"] },
        },
      ],
    },
  },
});
