import { describe, expect, it } from "vitest";
import { checkServerText } from "./check-server-text.ts";
import { Findings } from "./findings.ts";

const WORKFLOW = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';

function check(toml: string, backend: "s3" | "local" = "s3"): Findings {
  const findings = new Findings();
  const secrets = ["SLACK_TOKEN", "WEBHOOK_URL"];
  checkServerText("server.toml", toml, { secrets, rustLog: "info", backend }, findings);
  return findings;
}

describe("checkServerText", () => {
  it.each([
    "",
    "\uFEFF",
    'state_dir = "/data"\n',
    "[logging]\r\nlevel = 'debug'\r\n",
    '[[auth.roles]]\nname = "cloudwatch-metrics"\npermissions = ["metrics.view:any"]\n',
    '[result_storage]\nbackend = "s3"\nmax_persist_bytes = 5\nprefix = "results/team"\npath_style = true\n',
    '[something]\nnobody = "knows"\n',
    '[slack]\nbot_token = "$' + '{SLACK_TOKEN}"\nsigning_secret = """$' + '{SLACK_TOKEN}"""\n',
    '[[webhooks]]\nid = "hook"\nurl = "$' + '{WEBHOOK_URL}"\n',
    "# $" + '{SLACK_TOKEN}\n[logging]\nlevel = "$' + '{RUST_LOG}"\n',
  ])("takes %j", (toml) => {
    expect(check(toml + WORKFLOW)).toMatchObject({ problems: [], warnings: [] });
  });

  it.each<[toml: string, where: string, message: RegExp]>([
    ['# x\nstate_dir = "/var"', "server.toml:2", /state_dir must be "\/data"/],
    [
      "[[auth.roles]]\nname = 'cloudwatch-metrics'\npermissions = ['request.view']",
      "server.toml:1",
      /needs permissions = \["metrics\.view"\]/,
    ],
    ["[[auth.roles]]\nname = 'operator'\npermissions = ['*']", "server.toml:2", /operator/],
    [
      '[[workflows]]\nauto_approve = { mode = "always" }\n[[workflows]]\nauto_approve = { mode = "always" }',
      "server.toml:1",
      /workflows\[0\] names no operations/,
    ],
    ["[result_storage]\nbackend = 's3'\nmax_persist_bytes = -1", "server.toml:3", /max_persist_bytes/],
    [
      "[result_storage]\nendpoint = 'http://minio:9000'",
      "server.toml:2",
      /result_storage\.endpoint can't be set/,
    ],
    ["[result_storage]\nsecret_access_key = 'canary'", "server.toml:2", /secret_access_key can't be set/],
    [
      "[result_storage]\n\nprefix = 'elsewhere'",
      "server.toml:3",
      /must be "results" or begin with "results\/"/,
    ],
    ["result_storage = { backend = 's3' }", "server.toml", /write \[auth\], .* as tables/],
    ["auth = { default_role = 'requester' }", "server.toml", /write \[auth\], .* as tables/],
    ["logging.level = 'debug'", "server.toml", /write \[auth\], .* as tables/],
    [
      '[slack]\nsigning_secret = "$' + "{SLACK_TOKEN}\"\nbot_token = 'xoxb-canary-0123456789'",
      "server.toml:3",
      /slack\.bot_token holds a Slack token/,
    ],
    [
      "[slack]\nsigning_secret = 'canary'\nbot_token = \"$" + '{SLACK_TOKEN}"',
      "server.toml:2",
      /slack\.signing_secret is a secret and must be only a variable/,
    ],
    [
      '[[webhooks]]\nid = "a"\nurl = "https://hooks.example.com"\nsecret = "canary-$' + '{SLACK_TOKEN}"',
      "server.toml:4",
      /webhooks\.0\.secret is a secret and must be only a variable/,
    ],
    [
      '[[webhooks]]\nid = "a"\nurl = "https://hooks.slack.com/services/T000/B000/canary"',
      "server.toml:3",
      /webhooks\.0\.url holds a Slack webhook URL/,
    ],
    [`# the old one: dbw_${"0a".repeat(16)}`, "server.toml:1", /^The line holds a dbward token/],
    ["# AKIAIOSFODNN7EXAMPLE", "server.toml:1", /^The line holds an AWS access key/],
    ["# postgres://app:can/ary@db/app", "server.toml:1", /^The line holds a password in a URL/],
    ['key = """\n-----BEGIN RSA PRIVATE KEY-----\ncanary\n"""', "server.toml:1", /key holds a private key/],
    ["[x]\n'xoxb-canary-0123456789' = 1", "server.toml:2", /^A key holds a Slack token/],
    ["[[hooks]]\nurl = 'https://me:canary@x.example'", "server.toml:2", /hooks\.0\.url holds a password/],
    [
      "# $" + "{NOPE}",
      "server.toml:1",
      /NOPE is not set.* The container has SLACK_TOKEN, WEBHOOK_URL, RUST_LOG; .* under server\.secrets/,
    ],
    ["a = '$" + "{SLACK_TOKEN}'", "server.toml:1", /\$\{SLACK_TOKEN\} must be in double quotes/],
    ["[retention]\naudit_ttl_days = $" + "{SLACK_TOKEN}", "server.toml:2", /must be in double quotes/],
    ["a = [\n$" + "{SLACK_TOKEN},\n]", "server.toml:2", /must be in double quotes/],
    [
      "region = '$" + "{AWS_REGION:-eu-central-1}'",
      "server.toml:1",
      /AWS_REGION\} gets a value in the container.*AWS SDK/,
    ],
    [
      "webhooks = [{ id = 'a', url = 'ftp://$" + "{SLACK_TOKEN}' }]",
      "server.toml:1",
      /webhooks\[0\]\.url must be a URL/,
    ],
  ])("refuses %j", (toml, where, message) => {
    const { problems } = check(`${toml}\n`);
    expect(problems[0]).toEqual({
      where,
      message: expect.stringMatching(message),
      rule: expect.stringMatching(/^[a-z0-9-]+$/),
    });
    expect(JSON.stringify(problems)).not.toContain("canary");
  });

  it("reports the mistakes of dbward and of the deployment at once, on the lines of the user's text", () => {
    const toml =
      "# $" +
      '{NOPE}\nstate_dir = "/var"\n[logging]\nformat = "yaml"\n[result_storage]\nbackend = "s3"\nendpoint = "http://x"\n[retention]\napproval_ttl_secs = 0\n';
    expect(check(toml).problems.map(({ where }) => where)).toEqual([
      "server.toml:1",
      "server.toml:4",
      "server.toml:9",
    ]);
    expect(check(toml.replace("$" + "{NOPE}", "")).problems.map(({ where }) => where)).toEqual([
      "server.toml:4",
      "server.toml:9",
      "server.toml:2",
      "server.toml:7",
    ]);
  });

  it.each<[title: string, toml: string, backend: "s3" | "local", warnings: readonly RegExp[]]>([
    ["what the deployment sets already", '[result_storage]\nbackend = "s3"', "s3", []],
    ["the hand-run table", '[result_storage]\nbackend = "local"\nroot_dir = "/data/results"', "local", []],
    [
      "a single token for each user",
      "[auth.token_policy]\nmax_active_tokens_per_user = 1",
      "s3",
      [/^server\.toml:2: allows each user one token/],
    ],
    ["two tokens for each user", "[auth.token_policy]\nmax_active_tokens_per_user = 2", "s3", []],
    [
      "results elsewhere",
      '[result_storage]\nbackend = "local"\nroot_dir = "/data/results"',
      "s3",
      [
        /^server\.toml:2: result_storage\.backend is replaced/,
        /^server\.toml:3: result_storage\.root_dir is replaced/,
      ],
    ],
    [
      "a bucket of one's own",
      '[result_storage]\nbucket = "mine"',
      "s3",
      [/^server\.toml:2: .*bucket is replaced/],
    ],
    [
      "a default that always counts",
      "[x]\na = '$" + "{NOPE:-1}'",
      "s3",
      [/^server\.toml:2: \$\{NOPE:-…\} always has its default/],
    ],
    [
      "a database that isn't registered",
      '[[databases]]\nname = "app"',
      "s3",
      [/^server\.toml:1: names no environments/],
    ],
  ])("warns of %s", (_title, toml, backend, warnings) => {
    expect(check(`${toml}\n${WORKFLOW}`, backend)).toMatchObject({
      problems: [],
      warnings: warnings.map((warning) => expect.stringMatching(warning)),
    });
  });

  it("warns of a file without workflows", () => {
    expect(check("").warnings).toEqual([expect.stringMatching(/^server\.toml: has no \[\[workflows\]\]/)]);
  });

  it("reports where a text is not TOML, without quoting it", () => {
    const { problems } = check('a = 1\nsecret = "canary\n');
    expect(problems).toMatchObject([
      { where: "server.toml:2", message: expect.stringMatching(/^Not TOML 1\.0/) },
    ]);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });
});
