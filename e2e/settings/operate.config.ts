import { defineConfig, readVersions } from "@dbward-aws/settings";

/** Written by the story, and by `pnpm ops upgrade`. */
const versions = readVersions(new URL("./config/versions.json", import.meta.url), "local");

const registry = process.env.STORY_REGISTRY;

/** A stage whose versions are in a file, and whose server has its configuration in SSM. */
export default defineConfig({
  stages: {
    local: {
      server: {
        image: { repository: `${registry}/dbward-server`, tag: versions.server },
        configParameter: "/dbward/local/server",
      },
      agents: [
        {
          name: "app",
          token: "bootstrap",
          image: { repository: `${registry}/dbward-agent`, tag: versions.agents },
          configFile: "config/agent.toml",
          // On this machine.
          database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
        },
      ],
    },
  },
});
