import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import shipped from "../../../dbward.config.ts";
import { agentContainer } from "./containers.ts";
import { loadStage } from "./load-stage.ts";
import { SettingsError } from "./problems.ts";
import { mistakesOf } from "./test-support/mistakes.ts";
import { AGENT_TOML, SERVER_TOML, stageInput } from "./test-support/stage.ts";

const root = mkdtempSync(join(tmpdir(), "settings-"));
afterAll(() => rmSync(root, { recursive: true }));

const load = (changes: unknown = {}) =>
  loadStage({ stages: { prod: stageInput(changes) } }, "prod", { root });

const mistakes = (changes: unknown) => mistakesOf(() => load(changes));

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
  "is not a valid name: use up to 32 letters, digits and hyphens, beginning with a letter and not ending in a hyphen";

describe("loadStage", () => {
  it("fills in every default", () => {
    expect(load()).toMatchInlineSnapshot(`
      {
        "agents": [
          {
            "capacityProvider": "FARGATE",
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
            "databases": [
              {
                "cidrs": [
                  "192.168.7.0/24",
                ],
                "port": 5432,
                "urlSecret": "dbward/prod/database-url",
                "variable": "DATABASE_URL",
              },
            ],
            "desiredCount": 1,
            "ecsExec": false,
            "image": {
              "pullThroughCache": false,
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
        "apply": {
          "configuration": true,
          "secrets": "agents",
        },
        "architecture": "arm64",
        "backup": {
          "daily": true,
          "keepDays": 35,
          "startHour": 3,
        },
        "capture": {
          "allowSessionLogging": false,
          "method": "exec",
        },
        "encryption": {
          "keys": {},
        },
        "iam": {
          "rolePath": "/",
        },
        "monitoring": {
          "emails": [],
          "httpsEndpoints": [],
          "level": "essential",
          "perAgentMetrics": 0,
          "publisher": "api",
          "slack": [],
          "teams": [],
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
          "image": {
            "pullThroughCache": false,
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
          "versioning": false,
        },
        "tags": {},
        "terminationProtection": true,
        "tokens": {},
        "warnings": [],
      }
    `);
  });

  it("keeps what was written", () => {
    const subnet = (n: number) => ({
      id: `subnet-0000000${n}`,
      availabilityZone: `eu-central-1${"abcd"[n]}`,
    });
    const settings = load({
      network: {
        vpcId: "vpc-01234567",
        cidr: "10.1.0.0/16",
        subnets: [subnet(0), "subnet-00000001"],
        publicSubnets: [subnet(2), subnet(3)],
      },
      server: {
        loadBalancer: {
          scheme: "internet-facing",
          certificateArn: "arn:aws:acm:eu-central-1:123456789012:certificate/abc",
        },
      },
      monitoring: { serverUrl: "http://127.0.0.1:4000/" },
      account: "012345678901",
      region: "eu-central-1",
    });
    expect(settings).toMatchObject({ account: "012345678901", region: "eu-central-1" });
    expect(settings.network).toEqual({
      kind: "existing",
      vpcId: "vpc-01234567",
      cidr: "10.1.0.0/16",
      subnets: [subnet(0), { id: "subnet-00000001" }],
      publicSubnets: [subnet(2), subnet(3)],
    });
    expect(settings.server.loadBalancer).toEqual({
      scheme: "internet-facing",
      certificateArn: "arn:aws:acm:eu-central-1:123456789012:certificate/abc",
      allowedCidrs: ["0.0.0.0/0"],
    });
    expect(settings.monitoring.serverUrl).toBe("http://127.0.0.1:4000");
  });

  it("accepts several databases, each with its variable and its place", () => {
    const { agents } = load({
      agents: {
        0: {
          database: undefined,
          configToml:
            AGENT_TOML.replace("DATABASE_URL", "APP_URL") +
            AGENT_TOML.split("\n").slice(-3).join("\n").replace("app", "b"),
          databases: [
            { variable: "APP_URL", urlSecret: "app", securityGroupId: "sg-00000001" },
            { variable: "DATABASE_URL", urlSecret: "b", cidrs: ["10.60.0.0/15"], port: 3306 },
          ],
        },
      },
    });
    expect(agents[0]!.databases).toEqual([
      { variable: "APP_URL", urlSecret: "app", securityGroupId: "sg-00000001", port: 5432 },
      { variable: "DATABASE_URL", urlSecret: "b", cidrs: ["10.60.0.0/15"], port: 3306 },
    ]);
    expect(agentContainer(agents[0]!).secretVariables).toEqual([
      "DBWARD_AGENT_TOKEN",
      "APP_URL",
      "DATABASE_URL",
    ]);
  });

  it("accepts a database in the VPC of an existing network without an address", () => {
    const network = { vpcId: "vpc-01234567", subnets: ["subnet-00000001", "subnet-00000002"] };
    const { agents } = load({ network, agents: { 0: { database: { cidrs: undefined } } } });
    expect(agents[0]!.databases[0]!.cidrs).toBeUndefined();
  });

  it("accepts any tag of another repository, and names that only look reserved", () => {
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

  it("does not check the text of a parameter, which is read later", () => {
    const { config } = load({ server: { configToml: undefined, configParameter: "/dbward/server" } }).server;
    expect(config).toEqual({ source: "ssm", parameter: "/dbward/server" });
  });

  it("ignores other stages", () => {
    const config = { stages: { prod: stageInput(), broken: {} as never } };
    expect(loadStage(config, "prod", { root }).stage).toBe("prod");
  });

  it("reports all mistakes of settings and files at once", () => {
    writeFileSync(join(root, "broken.toml"), '[auth]\nmode = "token\n');
    const error = catchError(() =>
      load({
        netwrok: {},
        server: {
          image: { tag: "0.2 0", tga: "0.2.0" },
          configToml: undefined,
          configFile: "broken.toml",
          deployment: {},
        },
        agents: { 0: { configToml: `max_concurrent_tasks = "2"\n${AGENT_TOML}` } },
      }),
    );
    expect(error.message).toMatchInlineSnapshot(`
      "The settings of stage "prod" have 6 mistakes:
        dbward.config.ts: stages.prod.server.image.tag: must be a tag such as "0.2.0", a digest "sha256:…" of 64 hex digits, or both: "0.2.0@sha256:…"
        dbward.config.ts: stages.prod.server.image.tga: is not a setting, did you mean "tag"?
        dbward.config.ts: stages.prod.server.deployment: is not a setting; the settings are: image, configFile, configToml, configParameter, cpu, memoryMiB, rustLog, logRetentionDays, secrets, allowedCidrs, loadBalancer, listener, stopTimeoutSeconds, licenseKeySecret
        dbward.config.ts: stages.prod.netwrok: is not a setting, did you mean "network"?
        broken.toml:2: Not TOML 1.0: a string is not closed.
        dbward.config.ts: stages.prod.agents.0.configToml:1: max_concurrent_tasks must be an integer from 0 to 4294967295, not a string.
       Nothing was created. docs/settings.md lists every setting. [settings-invalid]"
    `);
  });

  it("reports a stage that is missing", () => {
    const run = () => loadStage({ stages: { prod: stageInput() } }, "prd", { root });
    expect(mistakesOf(run)).toEqual(['dbward.config.ts: stages.prd: is missing, did you mean "prod"?']);
  });

  it.each([
    ["toString", "is missing; the stages are: prod"],
    ["my stage", NO_NAME],
    ["prod-", NO_NAME],
  ])("refuses the stage %j", (stage, message) => {
    const run = () => loadStage({ stages: { prod: stageInput() } }, stage, { root });
    expect(mistakesOf(run)).toEqual([`dbward.config.ts: stages.${stage}: ${message}`]);
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
  const database = (variable?: string) => ({
    urlSecret: "dbward/url",
    cidrs: ["192.168.7.0/24"],
    ...(variable === undefined ? {} : { variable }),
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
      /^storage\.colour: is not a setting; the settings are: backend/,
    ],
    ["account as a number", { account: 123456789012 }, /^account: must be a string, not a number$/],
    ["account too short", { account: "12345678901" }, /^account: must be the id of an AWS account/],
    ["zone as a region", { region: "eu-central-1a" }, /^region: must be the id of an AWS region/],
    ["unknown option", { storage: { backend: "s2" } }, /must be one of "s3", "local", did you mean "s3"\?$/],
    ["wrong type", { backup: { daily: "yes" } }, /^backup\.daily: must be a boolean, not a string$/],
    ["fraction", { server: { cpu: 256.5 } }, /^server\.cpu: must be/],
    ["tag missing", { server: { image: { tag: undefined } } }, /^server\.image\.tag: is missing$/],
    ["repository with tag", { server: { image: { repository: "ghcr.io/a/b:1" } } }, /without a tag/],
    ["no source of a file", { server: { configToml: undefined } }, /^server\.configFile: is missing/],
    [
      "two sources of a file",
      { server: { configFile: "a.toml" } },
      /^server\.configToml: can't be set together/,
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
    ["stop timeout within the drain", { server: { stopTimeoutSeconds: 20 } }, /must be more than 20/],
    [
      "stop timeout shorter than a try at a database",
      { agents: { 0: { stopTimeoutSeconds: 30 } } },
      /must be more than 30/,
    ],
    ["stop timeout beyond Fargate", { agents: { 0: { stopTimeoutSeconds: 121 } } }, /at most 120/],
    [
      "log retention",
      { server: { logRetentionDays: 15 } },
      /must be one of the retention periods of CloudWatch Logs/,
    ],
    [
      "block with host bits",
      { server: { allowedCidrs: ["10.0.0.1/8"] } },
      /^server\.allowedCidrs\.0: .*IPv4 block/,
    ],
    ["block of nonsense", { network: { cidr: "10.0.0/16" } }, /^network\.cidr: must be an IPv4 block/],
    ["VPC too large", { network: { cidr: "10.0.0.0/8" } }, /^network\.cidr: must be between \/16 and \/24/],
    ["one zone", { network: { availabilityZones: 1 } }, /a load balancer needs two zones/],
    [
      "subnets of each wrong form",
      existing({ subnets: ["subnet-x", { id: "vpc-00000001" }, { zone: "a" }, 7] }),
      [
        /^network\.subnets\.0: must be the id of a subnet/,
        /^network\.subnets\.1\.id: must be the id of a subnet/,
        /^network\.subnets\.2\.id: is missing/,
        /^network\.subnets\.2\.zone: is not a setting; the settings are: id, availabilityZone/,
        /^network\.subnets\.3: must be a string, not a number/,
      ],
    ],
    [
      "one subnet",
      existing({ subnets: ["subnet-00000001"] }),
      /^network\.subnets: must name at least two subnets/,
    ],
    [
      "a subnet twice",
      existing({ subnets: ["subnet-00000001", { id: "subnet-00000001" }] }),
      /^network\.subnets\.1: names subnet-00000001 a second time/,
    ],
    ["blocks of nonsense", existing({ cidr: ["10.0.0/16"] }), /^network\.cidr\.0: must be an IPv4 block/],
    [
      "public HTTP",
      { server: { loadBalancer: { scheme: "internet-facing" } } },
      /certificateArn: is missing: an internet-facing/,
    ],
    [
      "no public subnets",
      { ...existing({}), server: { loadBalancer: { scheme: "internet-facing", allowPublicHttp: true } } },
      /^network\.publicSubnets: must name at least two/,
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
      /^agents\.1\.name: is "app", the name of agents\.0/,
    ],
    [
      "the bootstrap token twice",
      {
        agents: {
          0: { token: "bootstrap" },
          1: { ...stageInput().agents[0], name: "reports", token: "own" },
          2: { ...stageInput().agents[0], name: "payments", token: "bootstrap" },
        },
      },
      /^agents\.2\.token: is "bootstrap", which agents\.0 has as well: there is only one bootstrap token/,
    ],
    ["a token that there is not", { agents: { 0: { token: "minted" } } }, /^agents\.0\.token: /],
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
    [
      "no database",
      { agents: { 0: { database: undefined } } },
      /^agents\.0\.database: is missing: name the secret/,
    ],
    [
      "one database and several",
      { agents: { 0: { databases: [database("DATABASE_URL")] } } },
      /^agents\.0\.databases: can't be set together with database/,
    ],
    [
      "variables of databases that are taken",
      {
        agents: {
          0: {
            database: undefined,
            configToml: AGENT_TOML.replace("DATABASE_URL", "APP_URL"),
            databases: ["APP_URL", "APP_URL", "PGHOST", "REPORTS_URL", "app"].map((name) => database(name)),
            secrets: { REPORTS_URL: "reports" },
          },
        },
      },
      [
        /^agents\.0\.databases\.4\.variable: must be a variable's name/,
        /^agents\.0\.databases\.1\.variable: is APP_URL, the variable of databases\.0/,
        /^agents\.0\.databases\.2\.variable: can't be PGHOST: the PostgreSQL driver reads it/,
        /^agents\.0\.secrets\.REPORTS_URL: is already the variable of databases\.3/,
      ],
    ],
    [
      "two places of a database",
      { agents: { 0: { database: { securityGroupId: "sg-00000001" } } } },
      /^agents\.0\.database\.cidrs: can't be set together with securityGroupId/,
    ],
    [
      "a security group by name",
      { agents: { 0: { database: { ...database(), cidrs: undefined, securityGroupId: "rds" } } } },
      /^agents\.0\.database\.securityGroupId: must be the id of a security group/,
    ],
    ...[undefined, ["10.60.0.0/16"], ["10.60.9.0/24", "10.60.10.7/32"]].map(
      (cidrs): [string, unknown, RegExp] => [
        `a database in the new VPC: ${cidrs}`,
        { agents: { 0: { database: { cidrs } } } },
        /^agents\.0\.database: would have to be in the VPC that the deployment creates.*network\.vpcId.*public address.*peer.*securityGroupId/,
      ],
    ),
    [
      "one of several databases in the new VPC",
      {
        agents: {
          0: {
            database: undefined,
            databases: [database("DATABASE_URL"), { ...database("B"), cidrs: ["10.60.0.0/24"] }],
          },
        },
      },
      /^agents\.0\.databases\.1: would have to be in the VPC/,
    ],
    ["name of a variable", { server: { secrets: { "a b": "x" } } }, /must be a variable's name/],
    ["e-mail", { monitoring: { emails: ["nobody"] } }, /^monitoring\.emails\.0: must be an e-mail address$/],
    ["plain webhook", { monitoring: { httpsEndpoints: ["http://x.example"] } }, /https:\/\/ URL$/],
    [
      "webhook with a password",
      { monitoring: { httpsEndpoints: ["https://me:canary@x.example"] } },
      /httpsEndpoints\.0: must not contain a user or password/,
    ],
    [
      "thresholds of alarms that don't exist",
      { monitoring: { level: "full", thresholds: { "server-cpuu": 90, nonsense: 1, "server-cpu": 3 } } },
      [
        /^monitoring\.thresholds\.server-cpuu: is not an alarm, did you mean "server-cpu"\?$/,
        /^monitoring\.thresholds\.nonsense: is not an alarm; the alarms are: server-unreachable, .*deployment-running$/,
      ],
    ],
    ...[
      ["admin", /administrator/],
      ["agent", /subject of dbward's bootstrap token/],
      ["server", /dbward server/],
      ["metrics", /poller's token/],
      ["cloudwatch-poller", /poller's user/],
      ["other", /beyond perAgentMetrics/],
      ["bootstrap-reports", /refuses its next start/],
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
    [
      "two alike e-mails",
      { monitoring: { emails: ["Ops@x.example", "ops@X.example"] } },
      /^monitoring\.emails\.1: is the same as entry 0$/,
    ],
    [
      "two alike endpoints",
      {
        monitoring: { httpsEndpoints: ["https://x.example", "https://a.example", "https://X.example:443/"] },
      },
      /^monitoring\.httpsEndpoints\.2: is the same as entry 0$/,
    ],
    [
      "two alike blocks",
      {
        server: {
          allowedCidrs: ["10.0.0.0/8", "10.0.0.0/8"],
          loadBalancer: { allowedCidrs: ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"] },
        },
        agents: { 0: { database: { cidrs: ["10.0.0.0/8", "10.0.0.0/8"] } } },
      },
      [
        /^server\.allowedCidrs\.1: is the same as entry 0$/,
        /^server\.loadBalancer\.allowedCidrs\.2: is the same as entry 0$/,
        /^agents\.0\.database\.cidrs\.1: is the same/,
      ],
    ],
    ...[
      "010.0.0.0/8",
      "192.168.001.000/24",
      "10.0.0.0/08",
      "10.0.0.0/33",
      "256.0.0.0/8",
      "10.0.0.0",
      "::/0",
    ].map((cidr): (typeof cases)[number] => [
      `block ${cidr}`,
      { server: { allowedCidrs: [cidr] } },
      /^server\.allowedCidrs\.0: must be an IPv4 block/,
    ]),
    [
      "white space around a text",
      {
        server: { image: { tag: " 0.2.0" }, rustLog: "info\n" },
        monitoring: { emails: [" ops@x.example"], httpsEndpoints: ["https://x.example "] },
      },
      [
        /^server\.image\.tag: begins or ends with white space$/,
        /^server\.rustLog: begins or ends with white space/,
        /^monitoring\.emails\.0: begins or ends with white space/,
        /^monitoring\.httpsEndpoints\.0: begins or ends with white space/,
      ],
    ],
    ...[Number.NaN, Number.POSITIVE_INFINITY, "90", null].map((threshold): (typeof cases)[number] => [
      `threshold ${threshold}`,
      { monitoring: { level: "full", thresholds: { "server-cpu": threshold } } },
      /^monitoring\.thresholds\.server-cpu: must be a number$/,
    ]),
    [
      "thresholds that nothing or everything breaches",
      {
        monitoring: {
          level: "full",
          thresholds: { "server-cpu": 101, "server-unreachable": 2, "queue-growing": 0, "efs-storage": -1 },
        },
      },
      [
        /^monitoring\.thresholds\.server-cpu: must be more than 0 and at most 100$/,
        /^monitoring\.thresholds\.server-unreachable: .*at most 1$/,
        /^monitoring\.thresholds\.queue-growing: must be more than 0$/,
        /^monitoring\.thresholds\.efs-storage: must be more than 0$/,
      ],
    ],
    [
      "thresholds of a load balancer that the stage doesn't have",
      { monitoring: { level: "full", thresholds: { "alb-5xx": 3, "server-cpu": 90 } } },
      /^monitoring\.thresholds\.alb-5xx: has no effect: the stage has no load balancer/,
    ],
    [
      "thresholds of alarms of another level",
      { monitoring: { thresholds: { "server-cpu": 90, "agents-offline": 2 } } },
      /^monitoring\.thresholds\.server-cpu: has no effect: only a stage with monitoring\.level "full" has this alarm$/,
    ],
    [
      "a number of tasks beside its bounds",
      { agents: { 0: { desiredCount: 2, scaling: { max: 4 } } } },
      /^agents\.0\.desiredCount: has no effect: scaling decides the number of tasks/,
    ],
    [
      "bounds that leave no choice",
      { agents: { 0: { scaling: { min: 4, max: 4 } } } },
      /^agents\.0\.scaling\.max: must be more than min$/,
    ],
    [
      "channels by their names, and one twice",
      {
        monitoring: {
          slack: [
            { workspaceId: "acme", channelId: "#alerts" },
            { workspaceId: "T0123ABCD", channelId: "C0123ABCD" },
            { workspaceId: "T0123ABCD", channelId: "C0123ABCD" },
          ],
          teams: [{ tenantId: "acme", teamId: "ops", channelId: "Alerts" }],
        },
      },
      [
        /^monitoring\.slack\.0\.workspaceId: must be the id of a workspace/,
        /^monitoring\.slack\.0\.channelId: must be the id of a channel, such as "C0123ABCD", not its name$/,
        /^monitoring\.slack\.2: /,
        /^monitoring\.teams\.0\.tenantId: must be a UUID$/,
        /^monitoring\.teams\.0\.teamId: must be a UUID$/,
        /^monitoring\.teams\.0\.channelId: must be the id of a channel as it is in the link/,
      ],
    ],
    [
      "expiry of results that are not in a bucket",
      { storage: { backend: "local", retentionDays: 30 } },
      /^storage\.retentionDays: has no effect with backend "local"/,
    ],
    [
      "session logging without a session",
      { capture: { method: "task", allowSessionLogging: true } },
      /^capture\.allowSessionLogging: has no effect with method "task"/,
    ],
    [
      "an hour without a daily copy",
      { backup: { daily: false, startHour: 3 } },
      /^backup\.startHour: has no effect with daily: false/,
    ],
    [
      "plain HTTP with a certificate",
      {
        server: {
          loadBalancer: {
            scheme: "internet-facing",
            allowPublicHttp: true,
            certificateArn: "arn:aws:acm:eu-central-1:123456789012:certificate/abc",
          },
        },
      },
      /^server\.loadBalancer\.allowPublicHttp: is true, but the certificate makes it HTTPS/,
    ],
    [
      "public HTTP of an internal load balancer",
      { server: { loadBalancer: { allowPublicHttp: true } } },
      /^server\.loadBalancer\.allowPublicHttp: is true, but the load balancer is internal/,
    ],
    [
      "two repositories for one image",
      {
        server: {
          image: {
            repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/theirs",
            ecrRepositoryName: "ours",
          },
        },
        agents: { 0: { image: { repository: "registry.example.com/x", ecrRepositoryName: "x" } } },
      },
      [
        /^server\.image\.ecrRepositoryName: is "ours", but repository is .*theirs: set only one/,
        /^agents\.0\.image\.ecrRepositoryName: is "x"/,
      ],
    ],
    [
      "a pull-through cache that is not in ECR",
      { server: { image: { pullThroughCache: true } } },
      /^server\.image\.pullThroughCache: is true, but the image is not in ECR/,
    ],
    [
      "host of another partition",
      { server: { image: { repository: "123456789012.dkr.ecr.cn-north-1.amazonaws.com/x" } } },
      /^server\.image\.repository: has a host that ends in "amazonaws\.com".*"amazonaws\.com\.cn"$/,
    ],
    [
      "ARNs of another partition",
      {
        server: {
          licenseKeySecret: "arn:aws:secretsmanager:cn-north-1:123456789012:secret:x",
          loadBalancer: { certificateArn: "arn:aws:acm:eusc-de-east-1:123456789012:certificate/x" },
        },
      },
      [
        /^server\.loadBalancer\.certificateArn: begins with "arn:aws:", but ARNs in eusc-de-east-1 begin with "arn:aws-eusc:"$/,
        /^server\.licenseKeySecret: .*"arn:aws-cn:"$/,
      ],
    ],
    ...[
      "a:b",
      "a:b:",
      "a:b:c",
      "a:b:c:d",
      "a::::",
      "a b::",
      "arn:aws:secretsmanager:eu-central-1:123456789012:secret:a:b",
    ].map((secret): (typeof cases)[number] => [
      `secret ${secret}`,
      { server: { licenseKeySecret: secret } },
      /^server\.licenseKeySecret: must (have :JSON-KEY:VERSION-STAGE:VERSION-ID|be the name or ARN)/,
    ]),
    [
      "a URL that looks like a key",
      { server: { licenseKeySecret: "redis://u:canary@h:1/x:" } },
      /not the URL itself$/,
    ],
    ["a rotation at once", { tokens: { rotateAfterDays: 0 } }, /must be 1 to 1000 days$/],
    ["half a day", { tokens: { rotateAfterDays: 0.5 } }, /must be 1 to 1000 days$/],
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

it("refuses a stage that differs from another one only in upper and lower case", () => {
  const run = () => loadStage({ stages: { prod: stageInput(), Prod: stageInput() } }, "prod", { root });
  expect(mistakesOf(run)).toEqual([
    expect.stringMatching(
      /^dbward\.config\.ts: stages\.prod: differs from stage "Prod" only in upper and lower case/,
    ),
  ]);
});

it.each([
  "app/db:password::",
  "app/db::AWSPREVIOUS:",
  "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:app/db-AbCdEf:user name::",
  "arn:aws-us-gov:secretsmanager:us-gov-east-1:123456789012:secret:app/db",
])("takes %s in every setting that names a secret", (secret) => {
  const { server, agents } = load({
    server: { licenseKeySecret: secret, secrets: { KEY: secret } },
    agents: { 0: { secrets: { KEY: secret }, database: { urlSecret: secret } } },
  });
  expect([server.licenseKeySecret, server.secrets.KEY, agents[0]!.secrets.KEY]).toEqual([
    secret,
    secret,
    secret,
  ]);
  expect(agents[0]!.databases[0]!.urlSecret).toBe(secret);
});

it("accepts images of a pull-through cache by their ECR address or by the name of the repository", () => {
  const repository = "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu/cache/dbward";
  const { server, agents } = load({
    network: { egress: "endpoints" },
    server: { image: { repository, ecrRepositoryName: "cache/dbward", pullThroughCache: true } },
    agents: { 0: { image: { ecrRepositoryName: "cache/agent", pullThroughCache: true } } },
  });
  expect(server.image).toMatchObject({ repository, pullThroughCache: true });
  expect(agents[0]!.image).toMatchObject({ ecrRepositoryName: "cache/agent", pullThroughCache: true });
});

describe("warnings", () => {
  it.each([
    [{ server: { image: { tag: "latest" } } }, /server\.image\.tag: is "latest"/],
    [{ server: { image: { tag: "0.2" } } }, /server\.image\.tag: is "0\.2": the version can change/],
    [{ agents: { 0: { image: { tag: "latest" } } } }, /agents\.0\.image\.tag: is "latest"/],
    [{ server: { loadBalancer: { scheme: "internet-facing", allowPublicHttp: true } } }, /plain text/],
    [{ server: { loadBalancer: { scheme: "internal" } } }, /certificateArn: is not set.*plain text/],
    [
      { agents: { 0: { database: { cidrs: ["10.0.0.0/8"] } } } },
      /^dbward\.config\.ts: stages\.prod\.agents\.0\.database\.cidrs: has 10\.0\.0\.0\/8, which overlaps network\.cidr/,
    ],
    [
      { server: { licenseKeySecret: "app/my-secret:key::" } },
      /server\.licenseKeySecret: ends in a hyphen and six/,
    ],
    [
      {
        network: {
          vpcId: "vpc-01234567",
          cidr: "10.1.0.0/16",
          subnets: ["a", "b"].map((zone) => ({
            id: `subnet-0000000${zone}`,
            availabilityZone: `eu-central-1${zone}`,
          })),
          publicSubnets: [{ id: "subnet-0000000c", availabilityZone: "eu-central-1a" }],
        },
      },
      /network\.publicSubnets: has no effect/,
    ],
    [{ network: { egress: "public" }, server: { allowedCidrs: ["0.0.0.0/0"] } }, /whole internet/],
    [
      { agents: { 0: { configToml: `drain_timeout_secs = 90\n${AGENT_TOML}` } } },
      /running requests are cut off/,
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
