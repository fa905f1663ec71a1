import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import shipped from "../../../dbward.config.ts";
import { loadStage } from "./load-stage.ts";
import { SettingsError } from "./problems.ts";
import { AGENT_TOML, SERVER_TOML, stageInput } from "./test-support/stage.ts";

const root = mkdtempSync(join(tmpdir(), "settings-"));
afterAll(() => rmSync(root, { recursive: true }));

const load = (changes: unknown = {}) =>
  loadStage({ stages: { prod: stageInput(changes) } }, "prod", { root });

/** `path: message` of every mistake, without the part of the path that is always the same. */
function mistakes(changes: unknown, run = () => load(changes)): string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.problems.map(
      ({ where, message }) => `${where.replace("dbward.config.ts: stages.prod.", "")}: ${message}`,
    );
  }
}

describe("the shipped dbward.config.ts", () => {
  it.each(Object.keys(shipped.stages))(
    "has a stage %s that loads, with no warning but of a load balancer without a certificate",
    (stage) => {
      const settings = loadStage(shipped, stage, { root: join(import.meta.dirname, "../../..") });
      const warnings =
        stage === "prod" ? [expect.stringMatching(/certificateArn: is not set.*plain text/)] : [];
      expect(settings.warnings).toEqual(warnings);
    },
  );
});

const NO_NAME =
  "has no valid name: up to 32 letters, digits and hyphens, beginning with a letter and not ending in a hyphen";

describe("loadStage", () => {
  it("fills in every default", () => {
    expect(load()).toMatchInlineSnapshot(`
      {
        "agents": [
          {
            "config": {
              "source": "rendered",
              "toml": "
      [server]
      url = "http://server:3000"
      agent_token = "\${DBWARD_AGENT_TOKEN}"

      [databases.app.production]
      url = "\${DATABASE_URL}"
      ",
            },
            "cpu": 256,
            "database": {
              "cidrs": [
                "10.60.0.0/16",
              ],
              "port": 5432,
              "urlSecret": "dbward/prod/database-url",
            },
            "desiredCount": 1,
            "ecsExec": false,
            "image": {
              "repository": "ghcr.io/dbward-dev/dbward-agent",
              "tag": "0.2.0",
            },
            "logRetentionDays": 14,
            "memoryMiB": 512,
            "name": "app",
            "rustLog": "info",
            "secrets": {},
            "stopTimeoutSeconds": 90,
          },
        ],
        "capture": {
          "allowSessionLogging": false,
          "method": "exec",
        },
        "monitoring": {
          "emails": [],
          "httpsEndpoints": [],
          "perAgentMetrics": 0,
          "publisher": "api",
          "thresholds": {},
        },
        "network": {
          "availabilityZones": 2,
          "cidr": "10.60.0.0/16",
          "egress": "nat",
          "kind": "new",
        },
        "server": {
          "allowedCidrs": [],
          "backups": true,
          "config": {
            "source": "rendered",
            "toml": "
      [[databases]]
      name = "app"
      environments = ["production"]

      [[workflows]]
      database = "app"
      [workflows.auto_approve]
      mode = "always"
      ",
          },
          "cpu": 512,
          "deployment": {
            "maximumPercent": 100,
            "minimumHealthyPercent": 0,
          },
          "image": {
            "repository": "ghcr.io/dbward-dev/dbward-server",
            "tag": "0.2.0",
          },
          "logRetentionDays": 14,
          "memoryMiB": 1024,
          "rustLog": "info",
          "secrets": {},
          "stopTimeoutSeconds": 120,
        },
        "stage": "prod",
        "storage": {
          "backend": "s3",
          "retentionDays": 30,
        },
        "warnings": [],
      }
    `);
  });

  it("keeps to what was written", () => {
    const subnet = (n: number) => ({
      id: `subnet-0000000${n}`,
      availabilityZone: `eu-central-1${"abcd"[n]}`,
    });
    const settings = load({
      network: {
        vpcId: "vpc-01234567",
        cidr: "10.1.0.0/16",
        subnets: [subnet(0), subnet(1)],
        publicSubnets: [subnet(2), subnet(3)],
      },
      server: {
        loadBalancer: {
          scheme: "internet-facing",
          certificateArn: "arn:aws:acm:eu-central-1:123456789012:certificate/abc",
        },
      },
      monitoring: { serverUrl: "http://127.0.0.1:4000/" },
    });
    expect(settings.network).toMatchObject({ kind: "existing", vpcId: "vpc-01234567", egress: "nat" });
    expect(settings.server.loadBalancer).toEqual({
      scheme: "internet-facing",
      certificateArn: "arn:aws:acm:eu-central-1:123456789012:certificate/abc",
      allowedCidrs: ["0.0.0.0/0"],
    });
    expect(settings.agents[0]!.database.cidrs).toEqual(["10.1.0.0/16"]);
    expect(settings.monitoring.serverUrl).toBe("http://127.0.0.1:4000");
  });

  it("takes any tag of a repository of one's own, and names that only look taken", () => {
    const repository = "registry.example.com/mirror/dbward";
    const settings = load({
      server: { image: { tag: "v0.2.0", repository }, secrets: { PG_REPORTS_URL: "a", PATHS: "a" } },
      agents: { 0: { name: "agent-1" }, 1: { ...stageInput().agents[0], name: "bootstrap" } },
    });
    expect(settings.server.image.tag).toBe("v0.2.0");
    expect(settings.agents.map(({ name }) => name)).toEqual(["agent-1", "bootstrap"]);
  });

  it("reads files relative to the root", () => {
    writeFileSync(join(root, "server.toml"), SERVER_TOML);
    const { config } = load({ server: { configToml: undefined, configFile: "server.toml" } }).server;
    expect(config).toEqual({ source: "rendered", toml: SERVER_TOML });
  });

  it("leaves a parameter's text to the day it is read", () => {
    const { config } = load({ server: { configToml: undefined, configParameter: "/dbward/server" } }).server;
    expect(config).toEqual({ source: "ssm", parameter: "/dbward/server" });
  });

  it("doesn't look at other stages", () => {
    const config = { stages: { prod: stageInput(), broken: {} as never } };
    expect(loadStage(config, "prod", { root }).stage).toBe("prod");
  });

  it("tells all mistakes at once, from settings and files alike", () => {
    writeFileSync(join(root, "broken.toml"), '[auth]\nmode = "token\n');
    const error = catchError(() =>
      load({
        netwrok: {},
        server: {
          image: { tag: "0.2 0", tga: "0.2.0" },
          configToml: undefined,
          configFile: "broken.toml",
          deployment: { maximumPercent: 200 },
        },
        agents: { 0: { configToml: `max_concurrent_tasks = "2"\n${AGENT_TOML}` } },
      }),
    );
    expect(error.message).toMatchInlineSnapshot(`
      "The settings of stage "prod" have 6 mistakes:
        dbward.config.ts: stages.prod.server.image.tag: must be a tag such as "0.2.0" or a digest "sha256:…" of 64 hex digits
        dbward.config.ts: stages.prod.server.image.tga: is not a setting, did you mean "tag"?
        dbward.config.ts: stages.prod.server.deployment.maximumPercent: must be 100: a second task would write to the same SQLite file and corrupt it
        dbward.config.ts: stages.prod.netwrok: is not a setting, did you mean "network"?
        broken.toml:2: Not TOML 1.0: a string is not closed.
        dbward.config.ts: stages.prod.agents.0.configToml:1: max_concurrent_tasks must be an integer from 0 to 4294967295, not a string.
       Nothing was created. docs/settings.md lists every setting. [settings-invalid]"
    `);
  });

  it("knows a stage that is not there", () => {
    const run = () => loadStage({ stages: { prod: stageInput() } }, "prd", { root });
    expect(mistakes({}, run)).toEqual(['dbward.config.ts: stages.prd: is missing, did you mean "prod"?']);
  });

  it.each([
    ["toString", "is missing; there are: prod"],
    ["my stage", NO_NAME],
    ["prod-", NO_NAME],
  ])("refuses the stage %j", (stage, message) => {
    const run = () => loadStage({ stages: { prod: stageInput() } }, stage, { root });
    expect(mistakes({}, run)).toEqual([`dbward.config.ts: stages.${stage}: ${message}`]);
  });

  it.each([undefined, null, {}, { stages: [] }, { stages: { prod: undefined } }])(
    "survives %j in place of the settings",
    (config) => {
      expect(() => loadStage(config as never, "prod", { root })).toThrow(SettingsError);
    },
  );
});

describe("each mistake", () => {
  const existing = (changes: object) => ({
    network: {
      vpcId: "vpc-01234567",
      cidr: "10.1.0.0/16",
      subnets: [
        { id: "subnet-00000001", availabilityZone: "eu-central-1a" },
        { id: "subnet-00000002", availabilityZone: "eu-central-1b" },
      ],
      ...changes,
    },
  });
  const cases: [title: string, changes: unknown, mistake: RegExp | RegExp[]][] = [
    ["unknown key", { server: { cpuu: 1 } }, /^server\.cpuu: is not a setting, did you mean "cpu"\?$/],
    ...[
      "http://server:3000; curl x|sh",
      "http://server:3000/$(id)",
      "http://server:3000/`id`",
      "http://server:3000/'x",
      "http://server:3000\nid",
      "http://user:canary@server:3000",
      "http://server:3000?token=canary",
      "http://server:3000#canary",
      "file:///etc/passwd",
      "server:3000",
    ].map((serverUrl): [string, unknown, RegExp] => [
      `server URL ${JSON.stringify(serverUrl)}`,
      { monitoring: { serverUrl } },
      /^monitoring\.serverUrl: must be the URL of the server/,
    ]),
    [
      "unknown key far from all",
      { storage: { colour: 1 } },
      /^storage\.colour: is not a setting; there are: backend/,
    ],
    ["unknown option", { storage: { backend: "s2" } }, /must be one of "s3", "local", did you mean "s3"\?$/],
    ["wrong type", { server: { backups: "yes" } }, /^server\.backups: must be a boolean, not a string$/],
    ["fraction", { server: { cpu: 256.5 } }, /^server\.cpu: must be/],
    ["tag missing", { server: { image: { tag: undefined } } }, /^server\.image\.tag: is missing$/],
    ["repository with tag", { server: { image: { repository: "ghcr.io/a/b:1" } } }, /without a tag/],
    ["no source of a file", { server: { configToml: undefined } }, /^server\.configFile: is missing/],
    [
      "two sources of a file",
      { server: { configFile: "a.toml" } },
      /^server\.configToml: can't be given together/,
    ],
    [
      "file not there",
      { server: { configToml: undefined, configFile: "no.toml" } },
      /no\.toml can't be read: there is no/,
    ],
    ["folder as a file", { server: { configToml: undefined, configFile: "." } }, /can't be read: EISDIR/],
    [
      "parameter without slash",
      { server: { configToml: undefined, configParameter: "a" } },
      /beginning with "\/"/,
    ],
    ["Fargate CPU", { server: { cpu: 300 } }, /^server\.cpu: must be one of 256, 512/],
    [
      "Fargate memory",
      { agents: { 0: { memoryMiB: 4096 } } },
      /^agents\.0\.memoryMiB: must be one of 512, 1024, 2048/,
    ],
    [
      "two writers",
      { server: { deployment: { maximumPercent: 200 } } },
      /maximumPercent: must be 100: a second task/,
    ],
    [
      "overlap",
      { server: { deployment: { minimumHealthyPercent: 100 } } },
      /minimumHealthyPercent: must be 0/,
    ],
    ["stop timeout within the drain", { server: { stopTimeoutSeconds: 20 } }, /must be more than 20/],
    [
      "stop timeout shorter than a try at a database",
      { agents: { 0: { stopTimeoutSeconds: 30 } } },
      /must be more than 30/,
    ],
    ["stop timeout beyond Fargate", { agents: { 0: { stopTimeoutSeconds: 121 } } }, /at most 120/],
    ["log retention", { server: { logRetentionDays: 15 } }, /must be one of the periods of CloudWatch Logs/],
    [
      "block with host bits",
      { server: { allowedCidrs: ["10.0.0.1/8"] } },
      /^server\.allowedCidrs\.0: .*IPv4 block/,
    ],
    ["block of nonsense", { network: { cidr: "10.0.0/16" } }, /^network\.cidr: must be an IPv4 block/],
    ["VPC too large", { network: { cidr: "10.0.0.0/8" } }, /^network\.cidr: must be between \/16 and \/24/],
    ["one zone", { network: { availabilityZones: 1 } }, /a load balancer needs two zones/],
    [
      "subnet without zone",
      existing({ subnets: [{ id: "subnet-00000001" }] }),
      [/availabilityZone: is missing/, /two subnets/],
    ],
    [
      "two subnets in a zone",
      existing({
        subnets: ["subnet-00000001", "subnet-00000002"].map((id) => ({
          id,
          availabilityZone: "eu-central-1a",
        })),
      }),
      /subnets\.1\.availabilityZone: is eu-central-1a a second time/,
    ],
    [
      "public HTTP",
      { server: { loadBalancer: { scheme: "internet-facing" } } },
      /certificateArn: is missing: an internet-facing/,
    ],
    [
      "no public subnets",
      { ...existing({}), server: { loadBalancer: { scheme: "internet-facing", allowPublicHttp: true } } },
      /^network\.publicSubnets: must name two/,
    ],
    [
      "images behind endpoints alone",
      { network: { egress: "endpoints" } },
      [/^server\.image\.repository: is ghcr.io.*can't be reached/, /^agents\.0\.image\.repository/],
    ],
    ["no agent", { agents: [] }, /^agents: must name at least one agent$/],
    ["name of an agent", { agents: { 0: { name: "App" } } }, /^agents\.0\.name: must be 2 to 32 lower-case/],
    [
      "name twice",
      { agents: { 1: { ...stageInput().agents[0] } } },
      /^agents\.1\.name: is "app", which agents\.0 has/,
    ],
    [
      "URL as secret",
      { agents: { 0: { database: { urlSecret: "postgres://u:canary@h/d" } } } },
      /not the URL itself$/,
    ],
    ["token as secret", { server: { licenseKeySecret: "dbw_canary" } }, /not the token itself$/],
    [
      "variables that mean something in the container",
      {
        server: {
          secrets: {
            RUST_LOG: "a",
            DBWARD_LICENSE_URL: "a",
            LD_PRELOAD: "a",
            PATH: "a",
            AWS_ENDPOINT_URL: "a",
          },
        },
        agents: { 0: { secrets: { DATABASE_URL: "a", PGPASSWORD: "a", HTTPS_PROXY: "a", BASH_ENV: "a" } } },
      },
      [
        /^server\.secrets\.RUST_LOG: .*rustLog/,
        /^server\.secrets\.DBWARD_LICENSE_URL: .*read by dbward/,
        /^server\.secrets\.LD_PRELOAD: .*C library/,
        /^server\.secrets\.PATH: .*shell/,
        /^server\.secrets\.AWS_ENDPOINT_URL: .*AWS SDK/,
        /^agents\.0\.secrets\.DATABASE_URL: .*database\.urlSecret/,
        /^agents\.0\.secrets\.PGPASSWORD: .*PostgreSQL driver/,
        /^agents\.0\.secrets\.HTTPS_PROXY: .*HTTP clients/,
        /^agents\.0\.secrets\.BASH_ENV: .*shell/,
      ],
    ],
    ["name of a variable", { server: { secrets: { "a b": "x" } } }, /must be a variable's name/],
    ["e-mail", { monitoring: { emails: ["nobody"] } }, /^monitoring\.emails\.0: must be an e-mail address$/],
    ["plain webhook", { monitoring: { httpsEndpoints: ["http://x.example"] } }, /https:\/\/ URL$/],
    [
      "webhook with a password",
      { monitoring: { httpsEndpoints: ["https://me:canary@x.example"] } },
      /httpsEndpoints\.0: must not hold a user or password/,
    ],
    [
      "thresholds of alarms that don't exist",
      { monitoring: { thresholds: { "server-cpuu": 90, nonsense: 1, "alb-5xx": 3 } } },
      [
        /^monitoring\.thresholds\.server-cpuu: is not an alarm, did you mean "server-cpu"\?$/,
        /^monitoring\.thresholds\.nonsense: is not an alarm; there are: server-unreachable, .*deployment-running$/,
      ],
    ],
    ...[
      ["admin", /administrator/],
      ["agent", /subject of dbward's bootstrap token/],
      ["server", /dbward server/],
      ["metrics", /poller's token/],
      ["cloudwatch-poller", /poller's user/],
      ["other", /beyond perAgentMetrics/],
      ["bootstrap-reports", /next start is refused/],
    ].map(([name, reason]): (typeof cases)[number] => [
      `an agent's name that is taken: ${name}`,
      { agents: { 0: { name } } },
      new RegExp(`^agents\\.0\\.name: can't be "${name}": .*${(reason as RegExp).source}`),
    ]),
    [
      "a tag that dbward doesn't publish",
      { server: { image: { tag: "v0.2.0" } }, agents: { 0: { image: { tag: "v0.1.3" } } } },
      [
        /^server\.image\.tag: is "v0\.2\.0", which dbward does not publish: write "0\.2\.0"/,
        /^agents\.0\.image\.tag: .*"0\.1\.3"/,
      ],
    ],
    ["too many agents' metrics", { monitoring: { perAgentMetrics: 51 } }, /must be 0 to 50$/],
    ["long file", { server: { configToml: `${SERVER_TOML}# ${"x".repeat(50_000)}` } }, /49 KiB long/],
  ];
  it.each(cases)("%s", (_title, changes, expected) => {
    const found = mistakes(changes);
    const patterns = Array.isArray(expected) ? expected : [expected];
    expect(found).toHaveLength(patterns.length);
    patterns.forEach((pattern, index) => {
      expect(found[index]).toMatch(pattern);
    });
    expect(found.join()).not.toContain("canary");
  });
});

describe("warnings", () => {
  it.each([
    [{ server: { image: { tag: "latest" } } }, /server\.image\.tag: is "latest"/],
    [{ server: { image: { tag: "0.2" } } }, /server\.image\.tag: is "0\.2": what runs changes/],
    [{ agents: { 0: { image: { tag: "latest" } } } }, /agents\.0\.image\.tag: is "latest"/],
    [{ server: { loadBalancer: { scheme: "internet-facing", allowPublicHttp: true } } }, /plain text/],
    [{ server: { loadBalancer: { scheme: "internal" } } }, /certificateArn: is not set.*plain text/],
    [{ network: { egress: "public" }, server: { allowedCidrs: ["0.0.0.0/0"] } }, /whole internet/],
    [
      { server: { image: { repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbward" } } },
      /ecrRepositoryName: is not set/,
    ],
    [
      { agents: { 0: { configToml: `drain_timeout_secs = 90\n${AGENT_TOML}` } } },
      /work in flight is cut off/,
    ],
    [
      { server: { configToml: `${SERVER_TOML}[result_storage]\nbackend = "local"\n` } },
      /configToml:11: result_storage\.backend is replaced/,
    ],
  ])("%j", (changes, expected) => {
    const { warnings } = load(changes);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(expected);
  });
});

function catchError(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
