import { defineConfig, readState } from "@dbward-aws/settings";

/** A stage whose file system is in a file, which `pnpm ops restore` writes. */
export default defineConfig({
  stages: {
    local: {
      ...readState(new URL("./config/state.json", import.meta.url), "local"),
      server: { image: { tag: "0.2.0" }, configFile: "config/server.toml" },
      agents: (["app", "reports"] as const).map((name) => ({
        name,
        ...(name === "app" ? { token: "bootstrap" as const } : {}),
        image: { tag: "0.2.0" },
        configFile: "config/agent.toml",
        // On this machine.
        database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
      })),
    },
  },
});
