import { defineConfig, readState, readVersions } from "@dbward-aws/settings";

/** `pnpm ops upgrade` changes this file; a pipeline may name other versions. */
const VERSIONS = new URL("./config/versions.json", import.meta.url);
/** `pnpm ops restore` writes this file. */
const STATE = new URL("./config/state.json", import.meta.url);
const { DBWARD_SERVER_TAG, DBWARD_AGENT_TAG } = process.env;
const serverTag = (stage: string) => DBWARD_SERVER_TAG ?? readVersions(VERSIONS, stage).server;
const agentTag = (stage: string) => DBWARD_AGENT_TAG ?? readVersions(VERSIONS, stage).agents;

export default defineConfig({
  stages: {
    /** The emulated account on this machine: `pnpm local`. */
    local: {
      ...readState(STATE, "local"),
      server: { image: { tag: serverTag("local") }, configFile: "config/server.toml" },
      agents: [
        {
          name: "app",
          // Uses the token that the server's first start writes; other agents get tokens of their own.
          token: "bootstrap",
          image: { tag: agentTag("local") },
          configFile: "config/agent.toml",
          // On this machine.
          database: { urlSecret: "dbward/local/database-url", cidrs: ["127.0.0.0/8"] },
        },
      ],
    },

    /**
     * An example for development in AWS: by its preset without NAT gateways and stopped at night, with a database that has a public
     * address, and with results on the server's file system.
     */
    dev: {
      preset: "dev",
      hours: { timeZone: "Europe/Berlin" },
      ...readState(STATE, "dev"),
      storage: { backend: "local" },
      server: { image: { tag: serverTag("dev") }, configFile: "config/server.toml" },
      agents: [
        {
          name: "app",
          token: "bootstrap",
          image: { tag: agentTag("dev") },
          configFile: "config/agent.toml",
          database: { urlSecret: "dbward/dev/database-url", cidrs: ["203.0.113.10/32"] },
        },
      ],
    },

    /** An example in the VPC of the database. `pnpm ops init` puts your stage in its place. */
    prod: {
      ...readState(STATE, "prod"),
      network: {
        vpcId: "vpc-0123456789abcdef0",
        subnets: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
      },
      storage: { backend: "s3", retentionDays: 30 },
      server: {
        image: { tag: serverTag("prod") },
        configFile: "config/server.toml",
        loadBalancer: { scheme: "internal" },
        logRetentionDays: 30,
      },
      agents: [
        {
          name: "app",
          token: "bootstrap",
          image: { tag: agentTag("prod") },
          configFile: "config/agent.toml",
          database: { urlSecret: "dbward/prod/database-url", securityGroupId: "sg-0123456789abcdef0" },
          logRetentionDays: 30,
        },
      ],
      monitoring: { emails: [] },
    },
  },
});
