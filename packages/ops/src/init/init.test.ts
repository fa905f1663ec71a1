import {
  cpSync,
  type Dirent,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import type { CliIo } from "@dbward-aws/cli";
import { STATE_FILE, writeStageState } from "@dbward-aws/settings";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { importConfig } from "../import-config.ts";
import { runCli } from "../run-cli.ts";
import { type Answers, AwsFault, type AwsPeer, type Input } from "../test-support/aws-peer.ts";
import { describedNetwork, INTERNET, NETWORK } from "../test-support/network-answers.ts";
import { withAws } from "../test-support/ops-run.ts";
import { ACCOUNT, missing } from "../test-support/preflight-run.ts";
import { agentToml, serverToml } from "./configs.ts";

const GROUP = "sg-00000001";
const URL =
  "postgres://postgres:p%40ss%2Fcanary%3Aword@orders.abc.eu-central-1.rds.amazonaws.com:5432/orders?sslmode=require";
const PASSWORD = "p@ss/canary:word";
const SECRET = "dbward/prod/database-url";

const instance = (more: object = {}) => ({
  DBInstanceIdentifier: "orders",
  DBInstanceStatus: "available",
  Engine: "postgres",
  MasterUsername: "postgres",
  DBName: "orders",
  Endpoint: { Address: "orders.abc.eu-central-1.rds.amazonaws.com", Port: 5432 },
  DBSubnetGroup: { VpcId: NETWORK.vpcId },
  VpcSecurityGroups: [{ VpcSecurityGroupId: GROUP, Status: "active" }],
  ...more,
});

/** Secrets of the account, by their names. */
let secrets: Map<string, string>;

const databases = (instances: readonly object[], clusters: readonly object[] = []): Answers => ({
  DescribeDBInstances: () => ({ DBInstances: instances }),
  DescribeDBClusters: () => ({ DBClusters: clusters }),
});
const denied = (action: string) => () => {
  throw new AwsFault(
    action.startsWith("ec2") ? "UnauthorizedOperation" : "AccessDenied",
    `not allowed ${action}`,
  );
};

/** An account with one VPC, a database in it, and the secrets. */
function accountWith(answers: Answers = {}): Promise<AwsPeer> {
  return withAws({
    ...ACCOUNT,
    ...describedNetwork(),
    ...databases([instance()]),
    DescribeSecurityGroups: () => ({
      securityGroupInfo: [{ groupId: GROUP, groupName: "database", vpcId: NETWORK.vpcId, ipPermissions: [] }],
    }),
    ListSecrets: () => ({ SecretList: [...secrets.keys()].map((Name) => ({ Name })) }),
    ListCertificates: () => ({ CertificateSummaryList: [] }),
    DescribeSecret: ({ SecretId }: Input) =>
      secrets.has(String(SecretId)) ? { VersionIdsToStages: { v1: ["AWSCURRENT"] } } : missing(),
    GetSecretValue: ({ SecretId }: Input) => ({ SecretString: secrets.get(String(SecretId)) }),
    CreateSecret: ({ Name, SecretString }: Input) => {
      secrets.set(String(Name), String(SecretString));
      return { Name };
    },
    ...answers,
  });
}

let project: string;
beforeEach(() => {
  secrets = new Map();
  project = mkdtempSync(join(tmpdir(), "init-"));
  symlinkSync(join(import.meta.dirname, "../../node_modules"), join(project, "node_modules"));
  vi.stubEnv("DBWARD_DATABASE_PASSWORD", PASSWORD);
});
afterEach(() => rmSync(project, { recursive: true }));

const FLAGS = "--stage prod --database orders --database-user postgres --yes";

const read = (name: string) => readFileSync(join(project, name), "utf8");
/** What stands in the project, by the paths of its files. */
const tree = () =>
  Object.fromEntries(
    (readdirSync(project, { recursive: true, withFileTypes: true }) as Dirent[])
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((path) => !path.includes("node_modules"))
      .map((path) => [path.slice(project.length + 1), readFileSync(path, "utf8")]),
  );

async function init(line: string, more: Partial<CliIo> = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCli(["init", ...line.split(" ").filter(Boolean)], {
    directory: project,
    print: (text) => out.push(text),
    complain: (text) => err.push(text),
    write: async () => {},
    signal: new AbortController().signal,
    ...more,
  });
  const printed = [...out, ...err].join("\n");
  expect(printed).not.toMatch(/canary|p%40ss/);
  return { code, out: out.join("\n"), err: err.join("\n"), printed };
}

describe("ops init by options", () => {
  it("writes a stage for a project that has none, and checks it", async () => {
    await accountWith();
    const { code, out, err } = await init(FLAGS);
    expect([code, err]).toEqual([0, expect.stringMatching(/^Account 123456789012, region eu-central-1/)]);
    expect(out).toContain("Next: pnpm ops deploy --stage prod");
    expect(Object.keys(tree()).sort()).toEqual([
      "config/prod.orders.toml",
      "config/prod.server.toml",
      "config/versions.json",
      "dbward.config.ts",
      "dbward.lookup.json",
    ]);
    expect(read("dbward.config.ts")).toContain(
      `database: { urlSecret: "${SECRET}", securityGroupId: "${GROUP}" }`,
    );
    expect(secrets.get(SECRET)).toBe(URL);
  });

  it("shows what it would write, and writes nothing, with --dry-run", async () => {
    const peer = await accountWith();
    vi.stubEnv("DBWARD_DATABASE_PASSWORD", undefined);
    const { code, out } = await init(`${FLAGS} --dry-run`);
    expect(code).toBe(0);
    expect(out).toContain("  1. Write config/prod.server.toml\n");
    expect(out).toContain(`  5. Create secret ${SECRET} with the URL of the database\n`);
    expect(out).toMatch(/^\+ +database: \{ urlSecret: "dbward\/prod\/database-url"/m);
    expect(tree()).toEqual({});
    expect(peer.calls).not.toContain("CreateSecret");
  });

  it("prints its result as JSON, and nothing else on standard output", async () => {
    await accountWith();
    const { out } = await init(`${FLAGS} --json`);
    expect(JSON.parse(out)).toMatchObject({
      status: "done",
      stage: "prod",
      files: [
        "config/prod.server.toml",
        "config/prod.orders.toml",
        "config/versions.json",
        "dbward.config.ts",
        "dbward.lookup.json",
      ],
      secrets: [SECRET],
      next: "pnpm ops deploy --stage prod",
    });
  });

  it.each([1, 2, 3, 4, 5])("is completed by a second run after a cut behind step %i", async (step) => {
    await accountWith();
    await init(FLAGS);
    const whole = tree();
    const files = [
      "config/prod.server.toml",
      "config/prod.orders.toml",
      "config/versions.json",
      "dbward.config.ts",
    ];
    for (const file of files.slice(step)) rmSync(join(project, file));
    if (step < 5) secrets.clear();
    // As a cut in the middle of a file leaves it.
    if (step < 4) writeFileSync(join(project, `${files[step]}.new`), "half");
    const { code, out } = await init(FLAGS);
    expect(code).toBe(0);
    expect(tree()).toEqual(whole);
    expect(secrets.get(SECRET)).toBe(URL);
    expect(out.match(/^ {2}\d\. (Write|Create)/gm) ?? []).toHaveLength(5 - step);
  });

  it("asks for nothing before a check alone", async () => {
    await accountWith();
    await init(FLAGS);
    vi.stubEnv("DBWARD_DATABASE_PASSWORD", undefined);
    expect(await init("--stage prod --database orders")).toMatchObject({ code: 0 });
  });

  it("overwrites nothing that differs unless it is told to", async () => {
    await accountWith();
    await init(FLAGS);
    const other = `${FLAGS} --environment staging`;
    const before = tree();
    const refused = await init(other);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.err).toContain("config/prod.server.toml is there already, with another content.");
    expect(await init(`${FLAGS} --emails a@example.com`)).toMatchObject({
      code: 2,
      err: expect.stringContaining("Stage prod is in dbward.config.ts already, with other settings."),
    });
    expect(tree()).toEqual(before);
    expect((await init(`${other} --existing keep`)).code).toBe(0);
    expect(tree()).toEqual(before);
    const replaced = await init(`${other} --existing replace --emails a@example.com`);
    expect([replaced.code, replaced.out]).toEqual([
      0,
      expect.stringContaining('-environments = ["production"]'),
    ]);
    expect(read("dbward.config.ts")).toContain('monitoring: { emails: ["a@example.com"] }');
    expect(read("config/prod.orders.toml")).toContain("[databases.orders.staging]");
    // The secret is in use: it is never replaced.
    expect(secrets.get(SECRET)).toBe(URL);
  });

  it("writes a stage that is deployed on the file system to which `ops restore` moves it", async () => {
    await accountWith();
    await init(FLAGS);
    const state = { fileSystemId: "fs-22222222", replaces: "fs-11111111" };
    writeStageState(join(project, STATE_FILE), "prod", { state });
    const { stages } = await importConfig(join(project, "dbward.config.ts"));
    expect(stages.prod?.state).toEqual(state);
    // Described again, it is the same stage.
    const again = await init(`${FLAGS} --dry-run`);
    expect([again.code, again.out]).toEqual([0, expect.not.stringMatching(/Change|Write config/)]);
  });

  it("makes what a stage that somebody has written lacks, with --existing keep", async () => {
    await accountWith();
    await init(FLAGS);
    const config = read("dbward.config.ts");
    for (const file of ["prod.server.toml", "prod.orders.toml"]) rmSync(join(project, "config", file));
    secrets.clear();
    const keep = "--stage prod --existing keep --yes --dbward-database orders --environment production";
    expect(await init(keep)).toMatchObject({
      code: 2,
      err: expect.stringContaining("--url-stdin, or the URL"),
    });
    const input = Readable.from(["postgres://app:canary@db.example.com/app\n"]);
    expect(await init(`${keep} --url-stdin`, { input })).toMatchObject({ code: 0 });
    expect(read("dbward.config.ts")).toBe(config);
    expect(read("config/prod.orders.toml")).toContain("[databases.orders.production]");
    expect(secrets.get(SECRET)).toBe("postgres://app:canary@db.example.com/app");
  });

  it("keeps the other stages and what a person has written around them", async () => {
    await accountWith();
    const mine =
      '// Mine.\nimport { defineConfig } from "@dbward-aws/settings";\nconst others = {};\nexport default defineConfig({ stages: { ...others } });\n';
    writeFileSync(join(project, "dbward.config.ts"), mine);
    mkdirSync(join(project, "config"));
    writeFileSync(
      join(project, "config/versions.json"),
      '{ "dev": { "server": "0.3.1", "agents": "0.3.0" } }',
    );
    expect((await init(FLAGS)).code).toBe(0);
    expect(read("dbward.config.ts")).toContain("stages: { ...others,\n  prod: {");
    expect(JSON.parse(read("config/versions.json"))).toEqual({
      dev: { server: "0.3.1", agents: "0.3.0" },
      prod: { server: "0.3.1", agents: "0.3.1" },
    });
  });

  it("takes the place of an example that the project comes with, and of what was looked up for it", async () => {
    await accountWith();
    const root = join(import.meta.dirname, "../../../..");
    for (const file of ["dbward.config.ts", "dbward.lookup.json", "config"])
      cpSync(join(root, file), join(project, file), { recursive: true });
    const { code, out } = await init(FLAGS);
    expect([code, out]).toEqual([0, expect.stringContaining('-        vpcId: "vpc-0123456789abcdef0"')]);
    expect(read("dbward.config.ts")).toContain('image: { tag: serverTag("prod") }');
    expect(read("dbward.config.ts") + read("dbward.lookup.json")).not.toContain("0123456789abcdef");
    expect(read("config/versions.json")).toBe(readFileSync(join(root, "config/versions.json"), "utf8"));
    expect((await init("--stage prod --yes --environment other")).code).toBe(2);
  });

  it("says so when the account can't be checked", async () => {
    await accountWith({ DescribeVpcs: denied("ec2:DescribeVpcs") });
    const { code, err } = await init(FLAGS);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/is written, and the account could not be checked\..*ec2:DescribeVpcs/),
    ]);
  });

  it("prints the stage where it can't change the file, and changes nothing", async () => {
    await accountWith();
    const mine = "const stages = () => ({});\nexport default { stages: stages() };\n";
    writeFileSync(join(project, "dbward.config.ts"), mine);
    const { code, err } = await init(FLAGS);
    expect([code, err]).toEqual([
      1,
      expect.stringContaining("its `stages` is not an object that is written out"),
    ]);
    expect(err).toContain("prod: {\n");
    expect(err).toContain(`urlSecret: "${SECRET}"`);
    expect(tree()).toEqual({ "dbward.config.ts": mine });
    expect(secrets.size).toBe(0);
  });

  it("names everything that keeps the stage from being deployed, once it is written", async () => {
    await accountWith({
      ...describedNetwork({ dns: { enableDnsHostnames: false } }),
      CreateSecret: ({ Name }) => {
        secrets.set(String(Name), "blank://");
        return { Name };
      },
    });
    const { code, err } = await init(FLAGS);
    expect(code).toBe(1);
    expect(err).toMatch(/Stage prod is written, and can't be deployed yet:\n {2}- .*\n {2}- /);
    expect(err).toContain("has DNS host names off");
    expect(Object.keys(tree())).toContain("dbward.config.ts");
  });

  it("reports mistakes in options by the rules of the settings, before anything is written", async () => {
    await accountWith();
    const { code, err } = await init(
      `${FLAGS} --agent Server --dbward-database A --database-cidrs 10.0.0.1/8`,
    );
    expect(code).toBe(1);
    expect(err).toContain("agents.0.name");
    expect(err).toContain("agents.0.database.cidrs");
    expect(err).toContain("server.configToml:5");
    expect(tree()).toEqual({});
  });

  it("names all options that are missing at once", async () => {
    await accountWith({
      ...databases([]),
      DescribeVpcs: () => ({ vpcSet: [{ vpcId: "vpc-1" }, { vpcId: "vpc-2" }] }),
    });
    vi.stubEnv("DBWARD_DATABASE_PASSWORD", undefined);
    const { code, err } = await init("--stage prod --yes --load-balancer internet-facing");
    expect(code).toBe(2);
    for (const option of ["--database ID of an RDS", "--vpc ID or --new-vpc: vpc-1, vpc-2", "--subnets IDs"])
      expect(err).toContain(option);
  });

  it("names the options for what the identity may not list", async () => {
    await accountWith({
      DescribeDBInstances: denied("rds:DescribeDBInstances"),
      DescribeSubnets: denied("ec2:DescribeSubnets"),
    });
    const { code, err } = await init(`--stage prod --yes --vpc ${NETWORK.vpcId}`);
    expect(code).toBe(2);
    expect(err).toContain(
      "--database-host NAME (not listed: your identity is not allowed rds:DescribeDBInstances)",
    );
    expect(err).toContain("Zones (not listed: your identity is not allowed ec2:DescribeSubnets)");
    expect(await init("--stage prod --yes --database orders")).toMatchObject({
      code: 2,
      err: expect.stringContaining(
        "orders can't be looked up: your identity is not allowed rds:DescribeDBInstances",
      ),
    });
  });

  it("takes public subnets only when they are named", async () => {
    await accountWith(describedNetwork({ routes: [INTERNET] }));
    const { code, err } = await init(FLAGS);
    expect([code, err]).toEqual([2, expect.stringContaining(`${NETWORK.vpcId} has ${NETWORK.subnets[0]}`)]);
    expect((await init(`${FLAGS} --subnets ${NETWORK.subnets.join()}`)).code).toBe(0);
  });

  it("gives one URL to no two databases", async () => {
    await accountWith();
    await init(FLAGS);
    secrets.clear();
    const two = '[{ variable: "A", urlSecret: "a" }, { variable: "B", urlSecret: "b" }]';
    const config = read("dbward.config.ts").replace(/database: \{[^}]*\}/, `databases: ${two}`);
    writeFileSync(join(project, "dbward.config.ts"), config);
    vi.stubEnv("DBWARD_DATABASE_URL", URL);
    const { code, err } = await init("--stage prod --existing keep --yes");
    expect([code, err]).toEqual([2, expect.stringMatching(/for secret a alone\n.*for secret b alone/)]);
  });

  it("leaves a secret that somebody has made in the meantime", async () => {
    await accountWith({
      CreateSecret: ({ Name }) => {
        secrets.set(String(Name), "postgres://somebody:else@db/app");
        throw new AwsFault("ResourceExistsException", "exists");
      },
    });
    const { code, out } = await init(FLAGS);
    expect([code, out]).toEqual([0, expect.stringContaining("exists already, and was left as it is")]);
  });

  it("names the mistake in a file that can't be loaded", async () => {
    await accountWith();
    writeFileSync(join(project, "dbward.config.ts"), 'throw new Error("no luck");\n');
    expect(await init(FLAGS)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/Loading .* failed: no luck\./),
    });
  });

  it("needs no right to list anything when the options say everything", async () => {
    const refuse = denied("anything");
    await accountWith({
      DescribeDBInstances: refuse,
      DescribeDBClusters: refuse,
      ListSecrets: refuse,
      ListCertificates: refuse,
    });
    const line = `--stage prod --yes --database-host db.internal --database-user u --database-name n --vpc ${NETWORK.vpcId} --subnets ${NETWORK.subnets.join()}`;
    expect(
      await init(`${line} --security-group ${GROUP} --password-stdin`, {
        input: Readable.from(["canary\n"]),
      }),
    ).toMatchObject({ code: 0 });
    expect(secrets.get(SECRET)).toBe("postgres://u:canary@db.internal:5432/n");
  });

  it.each([
    ["--stage local --yes", /The name local is reserved for the stage on this machine/],
    ["--stage no_name --yes", /--stage can't be "no_name"/],
    ["--yes", /--stage is required/],
    ["--stage prod --database", /--database requires a value/],
    [`${FLAGS} --vpc vpc-1 --new-vpc --egress nat`, /--new-vpc and --vpc exclude each other/],
    [`${FLAGS} --certificate arn`, /--certificate is for a load balancer/],
    [
      "--stage prod --yes --database lost",
      /RDS has no PostgreSQL or MySQL database lost.*Existing ones: orders\./,
    ],
    ["--stage prod --database orders --yes", /--database-user NAME/],
    [`${FLAGS} --password-stdin --url-stdin`, /exclude each other/],
    ["--stage prod --database orders --database-user u", /there is no terminal to ask on.*--yes/],
  ])("refuses %s", async (line, message) => {
    await accountWith();
    expect(await init(line)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
    expect(tree()).toEqual({});
  });

  it.each([
    ["mysql://app:canary@db/app", /leads to port 3306/],
    ["postgres://app:canary@/app", /has no host/],
    ["canary", /must begin with postgres/],
  ])("refuses a URL that no agent can use, without showing it: %s", async (url, message) => {
    await accountWith();
    const { code, err } = await init(`${FLAGS} --url-stdin`, { input: Readable.from([url]) });
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });

  it("takes a cluster by its members' VPC, and passes over what dbward doesn't know", async () => {
    const member = instance({
      DBInstanceIdentifier: "one",
      DBClusterIdentifier: "shop",
      Engine: "aurora-mysql",
    });
    await accountWith({
      ...databases(
        [member, instance({ DBInstanceIdentifier: "legacy", Engine: "oracle-ee" })],
        [
          {
            DBClusterIdentifier: "shop",
            Engine: "aurora-mysql",
            Endpoint: "shop.cluster-abc.rds.amazonaws.com",
            Port: 3306,
            MasterUsername: "admin",
            DatabaseName: "shop_db",
            VpcSecurityGroups: [{ VpcSecurityGroupId: GROUP, Status: "active" }],
          },
          { DBClusterIdentifier: "graph", Engine: "neptune" },
        ],
      ),
    });
    expect((await init("--stage prod --database-user admin --yes")).code).toBe(0);
    expect(secrets.get(SECRET)).toMatch(
      /^mysql:\/\/admin:.*@shop\.cluster-.*:3306\/shop_db\?ssl-mode=REQUIRED$/,
    );
    expect(read("dbward.config.ts")).toContain("port: 3306");
    expect(read("dbward.config.ts")).toContain('name: "shop-db"');
    expect(read("config/prod.shop-db.toml")).toContain("[databases.shop_db.production]");
  });

  it("can describe a stage in a new VPC", async () => {
    await accountWith();
    const line =
      "--stage dev --yes --database-host db.example.com --database-user u --database-name n --new-vpc --egress public";
    expect((await init(`${line} --database-cidrs 203.0.113.10/32`)).code).toBe(0);
    expect(read("dbward.config.ts")).toContain('network: { egress: "public" }');
    expect(read("dbward.config.ts")).toContain('cidrs: ["203.0.113.10/32"]');
  });
});

describe("docs/getting-started.md", () => {
  it("shows what is printed", async () => {
    await accountWith();
    const root = join(import.meta.dirname, "../../../..");
    for (const file of ["dbward.config.ts", "dbward.lookup.json", "config"])
      cpSync(join(root, file), join(project, file), { recursive: true });
    const page = readFileSync(join(root, "docs/getting-started.md"), "utf8");
    const [, options, shown] = /pnpm ops init ([^\n]*--yes)\n *```\n\n *```text\n(.*?)```/s.exec(page)!;
    const { code, out, err } = await init(options!);
    expect(code).toBe(0);
    const wanted = shown!
      .split("\n")
      .map((line) => line.replace(/^ {3}/, ""))
      .join("\n");
    let rest = `${err}\n${out}\n`;
    // "…" stands for lines that the page leaves out.
    for (const part of wanted.split("…\n")) {
      expect(rest).toContain(part);
      rest = rest.slice(rest.indexOf(part) + part.length);
    }
    expect(rest).toBe("");
  });
});

describe("the files that ops init writes", () => {
  it("are those that the project comes with", () => {
    const shipped = { name: "app", environment: "production" };
    const config = join(import.meta.dirname, "../../../../config");
    expect(serverToml(shipped)).toBe(readFileSync(join(config, "server.toml"), "utf8"));
    expect(agentToml(shipped)).toBe(readFileSync(join(config, "agent.toml"), "utf8"));
  });
});

/** A terminal on which keys are pressed as the questions come up. */
function typing(answers: readonly (readonly [question: string, keys: string])[]) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 40 });
  const left = [...answers];
  let shown = "";
  let read = 0;
  output.on("data", (data) => {
    shown += data;
    const [next] = left;
    if (next === undefined || !shown.slice(read).includes(next[0])) return;
    left.shift();
    read = shown.length;
    setImmediate(() => input.write(next[1]));
  });
  return { terminal: { input, output }, shown: () => shown, left };
}

const ENTER = "\r";
const DOWN = "\u001b[B";

describe("ops init on a terminal", () => {
  it("asks the account and the person, and writes what they say", async () => {
    await accountWith({ ...databases([instance({ VpcSecurityGroups: [] })]) });
    vi.stubEnv("DBWARD_DATABASE_PASSWORD", undefined);
    const { terminal, shown, left } = typing([
      ["Name of the stage:", ENTER],
      ["Which database?", ENTER],
      ["Which subnets", ENTER],
      ["Which security group", ENTER],
      ["Name of the database in dbward:", ENTER],
      ["Its environment", `-eu${ENTER}`],
      ["Which secret", ENTER],
      ["A load balancer", DOWN + ENTER],
      ["Which certificate", ENTER],
      ["E-mail addresses", `ops@example.com${ENTER}`],
      ["(the master user is postgres):", `postgres${ENTER}`],
      ["Name of the database on its server:", ENTER],
      ["Its password", `${PASSWORD}${ENTER}`],
      ["Continue?", "y"],
    ]);
    const { code, err } = await init("", { terminal });
    expect(left).toEqual([]);
    expect([code, err]).toEqual([0, expect.stringMatching(/^Warning: .*certificateArn: is not set/)]);
    expect(shown()).not.toMatch(/canary|p@ss/);
    expect(secrets.get(SECRET)).toBe(URL);
    expect(read("dbward.config.ts")).toContain('loadBalancer: { scheme: "internal" }');
    expect(read("dbward.config.ts")).toContain('emails: ["ops@example.com"]');
    expect(read("config/prod.orders.toml")).toContain("[databases.orders.production-eu]");
  });

  it("asks for what the identity may not list", async () => {
    await accountWith({
      DescribeDBInstances: denied("rds:DescribeDBInstances"),
      DescribeSecurityGroups: ({ "Filter.1.Name": filter }: Input) => {
        if (filter === "vpc-id") return denied("ec2:DescribeSecurityGroups")();
        return { securityGroupInfo: [{ groupId: GROUP, vpcId: NETWORK.vpcId, ipPermissions: [] }] };
      },
      ListSecrets: denied("secretsmanager:ListSecrets"),
    });
    const { terminal, left } = typing([
      ["Which database?", ENTER],
      ["Host name", `db.internal${ENTER}`],
      ["What kind", ENTER],
      ["Port:", ENTER],
      ["Which VPC?", ENTER],
      ["Which subnets", ENTER],
      ["Which security group", ENTER],
      ["Its ID:", `nonsense${ENTER}`],
      ["Enter the ID of a security group", `${"\b".repeat(8)}${GROUP}${ENTER}`],
      ["Name of the database in dbward:", ENTER],
      ["Its environment", ENTER],
      ["Which secret", ENTER],
      ["A load balancer", ENTER],
      ["E-mail addresses", ENTER],
      ["User of the database", `app${ENTER}`],
      ["Name of the database on its server:", `app${ENTER}`],
      ["Continue?", "y"],
    ]);
    expect(await init("--stage prod", { terminal })).toMatchObject({ code: 0, err: "" });
    expect(left).toEqual([]);
    expect(read("dbward.config.ts")).toContain(`securityGroupId: "${GROUP}"`);
  });

  it("asks for the profile and the region where several could be meant", async () => {
    await accountWith();
    secrets.set(SECRET, URL);
    const credentials = join(project, "credentials");
    const keys = "aws_access_key_id = test\naws_secret_access_key = test\n";
    writeFileSync(credentials, `[default]\n${keys}[acme]\n${keys}`);
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", credentials);
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"])
      vi.stubEnv(name, undefined);
    const { terminal, shown, left } = typing([
      ["Which profile", `${DOWN}${ENTER}`],
      ["Which region?", `eu-central-1${ENTER}`],
      ["Which database?", "\u0003"],
    ]);
    await init("--stage prod", { terminal });
    expect(left).toEqual([]);
    expect(shown()).toContain("Account 123456789012, region eu-central-1, by profile acme");
  });

  it("asks whether a secret exists that the identity may not look up", async () => {
    await accountWith({
      DescribeSecret: denied("secretsmanager:DescribeSecret"),
      GetSecretValue: denied("secretsmanager:GetSecretValue"),
    });
    const { terminal, left } = typing([
      ["Which database?", ENTER],
      ["Which subnets", ENTER],
      ["Name of the database in dbward", ENTER],
      ["Its environment", ENTER],
      ["Which secret", ENTER],
      ["A load balancer", ENTER],
      ["E-mail", ENTER],
      ["exist?", DOWN + ENTER],
      ["User of the database", `postgres${ENTER}`],
      ["Name of the database on its server", ENTER],
      ["Continue?", "y"],
    ]);
    expect((await init("--stage prod", { terminal })).code).toBe(0);
    expect(left).toEqual([]);
    expect(secrets.get(SECRET)).toBe(URL);
  });

  it("keeps a stage that is there, and makes what it lacks, when the person says so", async () => {
    await accountWith();
    await init(FLAGS);
    const before = tree();
    rmSync(join(project, "config/prod.orders.toml"));
    const { terminal, left } = typing([
      ["is in dbward.config.ts already", ENTER],
      ["Name of the database in dbward", `${"\b".repeat(3)}orders${ENTER}`],
      ["Its environment", ENTER],
      ["Continue?", "y"],
    ]);
    expect((await init("--stage prod", { terminal })).code).toBe(0);
    expect(left).toEqual([]);
    expect(tree()).toEqual(before);
  });

  it("changes nothing when the person leaves, or declines", async () => {
    await accountWith();
    const leaves = typing([["Which database?", "\u0003"]]);
    expect(await init("--stage prod", { terminal: leaves.terminal })).toMatchObject({ code: 1 });
    secrets.set(SECRET, URL);
    const declines = typing(
      [
        "Which database?",
        "Which subnets",
        "Name of the database in dbward",
        "Its environment",
        "Which secret",
        "A load balancer",
        "E-mail",
        "Continue?",
      ].map((question) => [question, ENTER] as const),
    );
    const { code, out } = await init("--stage prod", { terminal: declines.terminal });
    expect([code, declines.left, out]).toEqual([1, [], expect.stringContaining("Nothing was changed.")]);
    expect(tree()).toEqual({});
  });
});
