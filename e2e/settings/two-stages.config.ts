import { defineConfig, type StageInput } from "@dbward-aws/settings";

const ECR = "000000000000.dkr.ecr.us-east-1.amazonaws.com";

/** @param inEcr images come from the account's own registry */
function stage(name: string, inEcr = false): StageInput {
  const image = (program: string) => ({
    tag: "0.2.0",
    ...(inEcr ? { repository: `${ECR}/${program}`, ecrRepositoryName: program } : {}),
  });
  return {
    server: { image: image("dbward-server"), configFile: "config/server.toml" },
    agents: [
      {
        name: "app",
        image: image("dbward-agent"),
        configFile: "config/agent.toml",
        database: { urlSecret: `dbward/${name}/database-url`, cidrs: ["10.8.0.0/16"] },
      },
    ],
  };
}

/**
 * Two stages for one account. The name of one begins as that of the other: whoever looks by prefix meets
 * both. Their networks, their ways to capture and their levels of monitoring differ.
 */
export default defineConfig({
  stages: {
    local: stage("local"),
    "local-two": {
      ...stage("local-two", true),
      network: { egress: "endpoints" },
      server: { ...stage("local-two", true).server, loadBalancer: { scheme: "internal" } },
      capture: { method: "task" },
      monitoring: { level: "full" },
    },
  },
});
