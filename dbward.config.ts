import { defineConfig } from "@dbward-aws/settings";

/** Pinned here; a pipeline may name another one. Upgrade the server first, then the agents. */
const SERVER_TAG = process.env.DBWARD_SERVER_TAG ?? "0.2.0";
const AGENT_TAG = process.env.DBWARD_AGENT_TAG ?? "0.2.0";

export default defineConfig({
  stages: {
    /** The emulated account on this machine: `pnpm local`. */
    local: {
      server: { image: { tag: SERVER_TAG }, configFile: "config/server.toml" },
      agents: [
        {
          name: "app",
          image: { tag: AGENT_TAG },
          configFile: "config/agent.toml",
          database: { urlSecret: "dbward/local/database-url" },
        },
      ],
    },

    /** For trying things out in AWS: no NAT gateways, results on the server's file system. */
    dev: {
      network: { egress: "public" },
      storage: { backend: "local" },
      server: { image: { tag: SERVER_TAG }, configFile: "config/server.toml" },
      agents: [
        {
          name: "app",
          image: { tag: AGENT_TAG },
          configFile: "config/agent.toml",
          database: { urlSecret: "dbward/dev/database-url" },
        },
      ],
    },

    prod: {
      network: { cidr: "10.60.0.0/16", availabilityZones: 2, egress: "nat" },
      storage: { backend: "s3", retentionDays: 30 },
      server: {
        image: { tag: SERVER_TAG },
        configFile: "config/server.toml",
        loadBalancer: { scheme: "internal" },
        logRetentionDays: 30,
      },
      agents: [
        {
          name: "app",
          image: { tag: AGENT_TAG },
          configFile: "config/agent.toml",
          database: { urlSecret: "dbward/prod/database-url", port: 5432, cidrs: ["10.60.0.0/16"] },
          logRetentionDays: 30,
        },
      ],
      monitoring: { emails: [] },
    },
  },
});
