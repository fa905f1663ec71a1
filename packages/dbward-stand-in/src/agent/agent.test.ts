import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Sandbox } from "../test-support/stand-in-process.ts";
import { isPrivateHost } from "./private-address.ts";

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create();
});
afterEach(() => sandbox.dispose());

const DATABASE_URL = "postgres://app:hunter2@db:5432/app";

const agentToml = (serverUrl: string) => `
agent_id = "ecs-agent"
poll_interval_ms = 20
max_concurrent_tasks = 2
drain_timeout_secs = 10
[server]
url = "${serverUrl}"
agent_token = "\${DBWARD_AGENT_TOKEN}"
[databases.app.production]
url = "\${DATABASE_URL}"
`;

describe("the agent", () => {
  it.each([
    [
      "a variable that is not set",
      agentToml("http://127.0.0.1:1"),
      { DATABASE_URL },
      /^fatal: failed to load config .*DBWARD_AGENT_TOKEN is not set/,
    ],
    [
      "a URL of another database",
      agentToml("http://127.0.0.1:1"),
      { DBWARD_AGENT_TOKEN: "t", DATABASE_URL: "oracle://hunter2" },
      /^fatal: failed to load config .*databases\.app\.production: url must begin/,
    ],
    [
      "plain HTTP to a public address",
      agentToml("http://93.184.216.34:3000"),
      { DBWARD_AGENT_TOKEN: "t", DATABASE_URL },
      /^Error: refusing plain HTTP to 93\.184\.216\.34/,
    ],
    ["a file that doesn't parse", "a = \nhunter2", {}, /^fatal: failed to load config .*\(line 1/],
  ])("refuses %s", async (_, toml, environment, message) => {
    const agent = await sandbox.agent(toml, environment);
    expect(await agent.ended()).toBe(1);
    await agent.line(message);
    expect(agent.output.join("\n")).not.toContain("hunter2");
  });
});

describe("isPrivateHost", () => {
  it.each([
    ["10.1.2.3", true],
    ["172.31.0.1", true],
    ["172.32.0.1", false],
    ["192.168.1.1", true],
    ["127.0.0.1", true],
    ["8.8.8.8", false],
    ["[::1]", true],
    ["[fd00::1]", true],
    ["[2001:db8::1]", false],
    ["localhost", true],
    ["stand-in-server-without-dns", true],
    ["server.dbward-dev.internal", true],
    ["server.invalid", false],
  ])("%s: %s", async (host, expected) => {
    expect(await isPrivateHost(host)).toBe(expected);
  });
});
