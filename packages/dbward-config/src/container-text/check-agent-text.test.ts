import { describe, expect, it } from "vitest";
import { checkAgentText } from "./check-agent-text.ts";
import { Findings } from "./findings.ts";

const AGENT_TOML = `
[server]
url = "http://server:3000"
agent_token = "\${DBWARD_AGENT_TOKEN}"

[databases.app.production]
url = "\${DATABASE_URL}"
`;

function check(toml: string, stopTimeoutSeconds = 90, databases = ["DATABASE_URL"]): Findings {
  const findings = new Findings();
  checkAgentText(
    "agent.toml",
    toml,
    { databases, secrets: ["REPORTS_URL"], rustLog: "info", stopTimeoutSeconds },
    findings,
  );
  return findings;
}

const withServerUrl = (url: string) => AGENT_TOML.replace("http://server:3000", url);
const withDatabaseUrl = (url: string) => AGENT_TOML.replace("$" + "{DATABASE_URL}", url);

describe("checkAgentText", () => {
  it.each([
    AGENT_TOML,
    `\uFEFF${AGENT_TOML}`,
    `drain_timeout_secs = 60\nunknown = true\n${AGENT_TOML}`,
    withServerUrl("https://dbward.example.com"),
    withServerUrl("http://172.20.0.1:3000"),
    withServerUrl('http://8.8.8.8:3000"\nallow_insecure = true\nx = "'),
    withDatabaseUrl("postgres://reader@db.internal/app"),
    withDatabaseUrl(`postgres://reader:\${DATABASE_URL}@db.internal/app?password=\${DATABASE_URL}`),
    withDatabaseUrl(`mysql://reader:\${REPORTS_URL}@db.internal/app`),
    withDatabaseUrl(`\${REPORTS_URL}`),
  ])("takes %j", (toml) => {
    const databases = toml.includes("DATABASE_URL") ? ["DATABASE_URL"] : [];
    expect(check(toml, 90, databases)).toMatchObject({ problems: [], warnings: [] });
  });

  it.each<[toml: string, where: string, message: RegExp]>([
    [withServerUrl("server:3000"), "agent.toml:3", /server\.url/],
    [withServerUrl("http://server.dbward.prod:3000"), "agent.toml:3", /server\.url/],
    [AGENT_TOML.replace(/url = "http.*\n/, ""), "agent.toml:2", /server\.url/],
    [AGENT_TOML.replace(/agent_token.*\n/, ""), "agent.toml:2", /agent_token/],
    [
      AGENT_TOML.replace(/agent_token.*\n/, 'agent_token = "canary"\n'),
      "agent.toml:4",
      /^server\.agent_token must be/,
    ],
    [withDatabaseUrl("sqlite:///x"), "agent.toml:7", /begins with postgres:\/\//],
    [
      withDatabaseUrl("postgres://reader:canary@db/app"),
      "agent.toml:7",
      /url holds a password in a URL in plain text/,
    ],
    [
      withDatabaseUrl("mysql://reader:can/ary@db/app"),
      "agent.toml:7",
      /url holds a password in a URL in plain text/,
    ],
    [
      withDatabaseUrl("postgres://db/app?x=1&password=canary"),
      "agent.toml:7",
      /url holds a password in a URL in plain text/,
    ],
    [
      withDatabaseUrl("$" + "{DATABASE}"),
      "agent.toml:7",
      /DATABASE is not set.*The container has DBWARD_AGENT_TOKEN, DATABASE_URL, REPORTS_URL, RUST_LOG/,
    ],
    [AGENT_TOML.replace(/"(\$\{DATABASE_URL\})"/, "'$1'"), "agent.toml:7", /must be in double quotes/],
    [
      `agent_id = "$${""}{HOSTNAME:-x}"\n${AGENT_TOML}`,
      "agent.toml:1",
      /HOSTNAME\} gets a value in the container/,
    ],
    [`operations = ["execute_query"]\n${AGENT_TOML}`, "agent.toml:1", /operations/],
  ])("refuses %j", (toml, where, message) => {
    const { problems } = check(toml);
    expect(problems[0]).toEqual({
      where,
      message: expect.stringMatching(message),
      rule: expect.stringMatching(/^[a-z0-9-]+$/),
    });
    expect(new Set(problems.map((problem) => problem.where)).size).toBe(1);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });

  it.each<[title: string, toml: string, stopTimeout: number, warning: RegExp]>([
    ["a drain that is cut off", `drain_timeout_secs = 90\n${AGENT_TOML}`, 90, /^agent\.toml:1: .*cut off/],
    ["dbward's own drain", AGENT_TOML, 60, /^agent\.toml: drain_timeout_secs is 60.*cut off/],
    [
      "a database that isn't served",
      `${AGENT_TOML}[databases.other]\n`,
      90,
      /^agent\.toml:8: databases\.other has no env/,
    ],
  ])("warns of %s", (_title, toml, stopTimeout, warning) => {
    expect(check(toml, stopTimeout)).toMatchObject({
      problems: [],
      warnings: [expect.stringMatching(warning)],
    });
  });
});
