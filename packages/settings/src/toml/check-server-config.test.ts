import { describe, expect, it } from "vitest";
import { Findings } from "../findings.ts";
import { checkServerConfig } from "./check-server-config.ts";
import { TomlDocument } from "./toml-document.ts";

function check(toml: string): Findings {
  const findings = new Findings();
  const document = TomlDocument.read("server.toml", toml);
  if (!(document instanceof TomlDocument)) throw new Error(document.message);
  checkServerConfig(document, { variables: ["RUST_LOG", "SLACK_TOKEN"], backend: "s3" }, findings);
  return findings;
}

describe("checkServerConfig", () => {
  it.each([
    "",
    'state_dir = "/data"',
    '[auth]\nmode = "oidc"\n[auth.oidc]\nissuer = "https://x"',
    '[[workflows]]\ndatabase = "app"\n[[workflows.steps]]\n[[workflows.steps.approvers]]\nrole = "admin"',
    'workflows = [{ auto_approve = { mode = "always" } }]',
    '[[auth.roles]]\nname = "cloudwatch-metrics"\npermissions = ["metrics.view"]',
    '[result_storage]\nbackend = "s3"',
    '[something]\nnobody = "knows"',
    `[slack]\nbot_token = "\${SLACK_TOKEN}"`,
  ])("takes %j", (toml) => {
    expect(check(toml)).toMatchObject({ problems: [], warnings: [] });
  });

  it.each([
    ['# x\nstate_dir = "/var"', "server.toml:2", /state_dir must be "\/data"/],
    [
      "[[workflows]]\na = 1\n[workflows.auto_approve]\n[[workflows]]\na = 2",
      "server.toml:4",
      /needs \[workflows.auto/,
    ],
    ["[[workflows]]\n[[workflows.steps]]\nmode = 'all'", "server.toml:1", /step 1 of the workflow needs/],
    [
      "[[auth.roles]]\nname = 'a'\n[[auth.roles]]\nname = 'operator'",
      "server.toml:3",
      /"operator" is built in/,
    ],
    ["[[auth.roles]]\nname = 'cloudwatch-metrics'\npermissions = []", "server.toml:1", /needs permissions/],
    [
      "[slack]\nbot_token = 'xoxb-canary-0123456789'",
      "server.toml:2",
      /slack\.bot_token holds a secret in plain text/,
    ],
    ["[[hooks]]\nurl = 'https://me:canary@x.example'", "server.toml:2", /hooks\.url holds a secret/],
  ])("refuses %j", (toml, where, message) => {
    const { problems } = check(toml);
    expect(problems).toEqual([{ where, message: expect.stringMatching(message) }]);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });

  it("warns of a variable that the container doesn't have", () => {
    expect(check(`[slack]\nsecret = "\${NOPE}"`).warnings).toEqual([
      expect.stringMatching(/^server\.toml:2: slack\.secret reads \$\{NOPE\}/),
    ]);
  });

  it("warns when the file's own result storage would be dropped", () => {
    expect(check('[result_storage]\nbackend = "s3"\nbucket = "mine"').warnings).toHaveLength(1);
  });
});

describe("TomlDocument", () => {
  it("says where a text stops being TOML, without quoting it", () => {
    const problem = TomlDocument.read("server.toml", 'a = 1\nsecret = "canary\n');
    expect(problem).toMatchObject({ where: expect.stringMatching(/^server\.toml:2:\d+$/) });
    expect(JSON.stringify(problem)).not.toContain("canary");
  });
});
