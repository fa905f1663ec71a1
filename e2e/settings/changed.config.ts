import { defineConfig, type StageInput } from "@dbward-aws/settings";

const STAGE = {
  server: {
    image: { tag: "0.2.0" },
    configFile: "config/server.toml",
    // Read by the file that spoils the server.
    secrets: { AUDITORS_ROLE: "dbward/local/auditors-role" },
  },
  agents: [
    {
      name: "app",
      token: "bootstrap",
      image: { tag: "0.2.0" },
      configFile: "config/agent.toml",
      // On this machine.
      database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
    },
  ],
} satisfies StageInput;

const { server, ...others }: Partial<StageInput> = JSON.parse(process.env.E2E_CHANGES ?? "{}");

/** A stage whose settings the environment changes: fields of the server, and other sections as a whole. */
export default defineConfig({
  stages: { local: { ...STAGE, ...others, server: { ...STAGE.server, ...server } } },
});
