import { describe, expect, it } from "vitest";
import { Findings } from "../findings.ts";
import { AGENT_TOML } from "../test-support/stage.ts";
import { checkAgentConfig } from "./check-agent-config.ts";
import { TomlDocument } from "./toml-document.ts";

function check(toml: string): Findings {
  const findings = new Findings();
  const document = TomlDocument.read("agent.toml", toml);
  if (!(document instanceof TomlDocument)) throw new Error(document.message);
  const variables = ["DBWARD_AGENT_TOKEN", "DATABASE_URL", "REPORTS_URL"];
  checkAgentConfig(document, { variables, stopTimeoutSeconds: 90 }, findings);
  return findings;
}

const withServerUrl = (url: string) => AGENT_TOML.replace("http://server:3000", url);
const withDatabaseUrl = (url: string) => AGENT_TOML.replace("$" + "{DATABASE_URL}", url);

describe("checkAgentConfig", () => {
  it.each([
    AGENT_TOML,
    `drain_timeout_secs = 60\nunknown = true\n${AGENT_TOML}`,
    withServerUrl("https://dbward.example.com"),
    withServerUrl("http://172.20.0.1:3000"),
    withServerUrl('http://8.8.8.8:3000"\nallow_insecure = true\nx = "'),
    withDatabaseUrl("postgres://reader@db.internal/app"),
    withDatabaseUrl(`postgres://reader:\${DATABASE_URL}@db.internal/app?password=\${DATABASE_URL}`),
    withDatabaseUrl(`mysql://reader:\${REPORTS_URL}@db.internal/app`),
  ])("takes %j", (toml) => {
    expect(check(toml)).toMatchObject({ problems: [], warnings: [] });
  });

  it.each([
    [withServerUrl("server:3000"), "agent.toml:3", /server\.url must be a URL/],
    [withServerUrl("http://8.8.8.8:3000"), "agent.toml:3", /plain HTTP to a public address/],
    [AGENT_TOML.replace(/url = "http.*\n/, ""), "agent.toml:2", /\[server\] needs url/],
    [AGENT_TOML.replace(/agent_token.*\n/, ""), "agent.toml:2", /\[server\] needs agent_token/],
    [
      AGENT_TOML.replace(/agent_token.*\n/, 'agent_token = "canary"\n'),
      "agent.toml:4",
      /server\.agent_token must be/,
    ],
    [AGENT_TOML.replace(/\[databases[\s\S]*/, ""), "agent.toml", /needs at least one database/],
    [
      AGENT_TOML.replace(/url = "\$\{DATABASE.*\n/, ""),
      "agent.toml:6",
      /\[databases\.app\.production\] needs url/,
    ],
    [withDatabaseUrl("sqlite:///x"), "agent.toml:7", /begin with postgres:\/\//],
    [withDatabaseUrl("postgres://reader:canary@db/app"), "agent.toml:7", /holds a secret in plain text/],
    [withDatabaseUrl("mysql://reader:can/ary@db/app"), "agent.toml:7", /holds a secret in plain text/],
    [
      withDatabaseUrl("postgres://db/app?x=1&password=canary"),
      "agent.toml:7",
      /holds a secret in plain text/,
    ],
    [
      withDatabaseUrl("$" + "{DATABASE}"),
      "agent.toml:7",
      /reads \$\{DATABASE\}, which the container doesn't have/,
    ],
  ])("refuses %j", (toml, where, message) => {
    const { problems } = check(toml);
    expect(problems).toEqual([{ where, message: expect.stringMatching(message) }]);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });
});
