import { describe, expect, it } from "vitest";
import { serverEnvironment } from "../render/container-command.ts";
import { checkDeployedConfig } from "./check-deployed-config.ts";

const WORKFLOW = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';
const AGENT_TOML = `[server]
url = "http://server:3000"
agent_token = "\${DBWARD_AGENT_TOKEN}"
[databases.app.production]
url = "\${REPORTS_URL}"
`;
const places = (name: string, toml: string, container: Parameters<typeof checkDeployedConfig>[2]) =>
  checkDeployedConfig(name, toml, container).problems.map(({ where, rule }) => `${where} ${rule}`);

describe("checkDeployedConfig", () => {
  const storage = { s3: { backend: "s3", bucket: "b", region: "r" }, local: { backend: "local" } } as const;
  const server = (backend: "s3" | "local") =>
    ({
      program: "server",
      environment: {
        RUST_LOG: "info",
        ...serverEnvironment({ source: "ssm", parameter: "/p" }, storage[backend]),
      },
      secrets: ["DBWARD_CONFIG_TOML", "DBWARD_LICENSE_KEY", "SLACK_TOKEN"],
      stopTimeoutSeconds: 120,
    }) as const;

  it("knows the variables of the server's container, and where its results are", () => {
    const toml = `[slack]\nbot_token = "\${SLACK_TOKEN}"\nsigning_secret = "\${SLACK_TOKEN}"\n${WORKFLOW}`;
    expect(places("p", toml, server("s3"))).toEqual([]);
    expect(places("p", `# \${OTHER}\n${toml}`, server("s3"))).toEqual(["p:1 variable-unset"]);
    const prefix = `[result_storage]\nprefix = "mine"\n${WORKFLOW}`;
    expect(places("p", prefix, server("s3"))).toEqual(["p:2 result-prefix"]);
    expect(places("p", prefix, server("local"))).toEqual([]);
  });

  it("knows the variables of an agent's container", () => {
    const container = {
      program: "agent",
      environment: { RUST_LOG: "info" },
      secrets: ["DBWARD_CONFIG_TOML", "DBWARD_AGENT_TOKEN", "REPORTS_URL"],
      stopTimeoutSeconds: 90,
    } as const;
    expect(places("p", AGENT_TOML, container)).toEqual([]);
    expect(places("p", AGENT_TOML.replace("REPORTS_URL", "DATABASE_URL"), container)).toEqual([
      "p:5 variable-unset",
    ]);
  });
});
