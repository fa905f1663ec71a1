import { defineConfig } from "@dbward-aws/settings";

const { E2E_VPC = "vpc-00000000", E2E_SUBNETS = "subnet-00000000,subnet-00000001" } = process.env;
const { E2E_DATABASE_GROUP = "sg-00000000", E2E_CLUSTER = "platform" } = process.env;

const AGENT_TOML = `
[server]
url = "http://server:3000"
agent_token = "\${DBWARD_AGENT_TOKEN}"

[databases.app.production]
url = "\${APP_URL}"

[databases.reports.production]
url = "\${REPORTS_URL}"
`;

/**
 * A stage in a VPC and a cluster that exist already, by ids and names alone, with an agent of two databases. The environment names
 * the ids.
 */
export default defineConfig({
  stages: {
    local: {
      cluster: E2E_CLUSTER,
      network: { vpcId: E2E_VPC, subnets: E2E_SUBNETS.split(",") },
      server: {
        image: { tag: "0.2.0" },
        configFile: "config/server.toml",
        // Fields of the server that the story changes.
        ...JSON.parse(process.env.E2E_SERVER ?? "{}"),
      },
      agents: [
        {
          name: "app",
          image: { tag: "0.2.0" },
          configToml: AGENT_TOML,
          databases: [
            {
              variable: "APP_URL",
              urlSecret: "dbward/local/app-url",
              securityGroupId: E2E_DATABASE_GROUP,
            },
            { variable: "REPORTS_URL", urlSecret: "dbward/local/reports-url", cidrs: ["192.168.7.0/24"] },
          ],
        },
      ],
    },
  },
});
