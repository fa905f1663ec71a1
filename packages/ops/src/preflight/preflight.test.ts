import type { StageInput } from "@dbward-aws/settings";
import { createAwsClients } from "@dbward-aws/stage";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { describedNetwork, NETWORK } from "../test-support/network-answers.ts";
import { CANARY, stageSettings, withAws } from "../test-support/ops-run.ts";
import { ACCOUNT, check, filledByPeople, missing, mistakes } from "../test-support/preflight-run.ts";
import { preflight } from "./preflight.ts";

describe("preflight", () => {
  it("lets a stage pass whose account has what it needs", async () => {
    await withAws(ACCOUNT);
    const result = await preflight(stageSettings(), createAwsClients("eu-central-1"));
    expect(result).toEqual({
      account: "123456789012",
      region: "eu-central-1",
      warnings: [],
      facts: { source: "account 123456789012 in eu-central-1" },
    });
  });

  it("refuses the stage of this machine in an account of AWS, and lets it into the emulated one", async () => {
    const settings = { ...stageSettings(), stage: "local" };
    await withAws(ACCOUNT);
    await expect(preflight(settings, createAwsClients("eu-central-1"))).rejects.toThrow(
      'Stage "local" belongs to the emulated account of this machine, but these credentials belong to AWS account 123456789012',
    );
    await withAws({ ...ACCOUNT, GetCallerIdentity: () => ({ Account: "000000000000" }) });
    await expect(preflight(settings, createAwsClients("eu-central-1"))).resolves.toMatchObject({
      account: "000000000000",
    });
  });

  it("tells everything at once", async () => {
    const { server } = stageSettings();
    const changes: Partial<StageInput> = {
      network: { ...NETWORK, egress: "nat" },
      server: {
        image: server.image,
        configParameter: "/dbward/server",
        licenseKeySecret: "licence",
        secrets: { SLACK: "arn:aws:secretsmanager:us-east-1:123456789012:secret:slack-AbCdEf" },
        loadBalancer: { certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/x" },
      },
    };
    const found = await mistakes(changes, {
      ...describedNetwork({ routes: [] }),
      DescribeSecret: missing,
      GetParameters: () => ({ Parameters: [], InvalidParameters: ["/dbward/server"] }),
    });
    expect(found).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/server is missing/),
      expect.stringMatching(
        /^Secret dbward\/prod\/app-url \(database URL DATABASE_URL of agent app\) is missing.*create-secret/,
      ),
      expect.stringMatching(/^Secret dbward\/prod\/reports-url/),
      expect.stringMatching(/^Secret licence \(server\.licenseKeySecret\) is missing/),
      expect.stringMatching(
        /server\.loadBalancer\.certificateArn: is a certificate in us-east-1, and the stage is in eu-central-1/,
      ),
      expect.stringMatching(/server\.secrets\.SLACK: is a secret in us-east-1.*replicate-secret-to-regions/),
      expect.stringMatching(/^network\.egress is "nat", but subnet-00000001 has no default route/),
      expect.stringMatching(/^network\.egress is "nat", but subnet-00000002 has no default route/),
    ]);
  });

  it.each([
    ["has no value", { VersionIdsToStages: {} }, /has no value.*put-secret-value/],
    ["is going", { DeletedDate: 1_700_000_000, VersionIdsToStages: { v: ["AWSCURRENT"] } }, /restore-secret/],
  ])("knows a secret that %s", async (_title, secret, expected) => {
    const DescribeSecret = (input: Input) =>
      String(input.SecretId).endsWith("app-url") ? secret : filledByPeople(input);
    expect(await mistakes({}, { DescribeSecret })).toEqual([expect.stringMatching(expected)]);
  });

  it("knows tokens of an earlier stage, but not of the one that is deployed", async () => {
    const DescribeSecret = () => ({ VersionIdsToStages: { v1: ["AWSCURRENT"] } });
    expect(await mistakes({}, { DescribeSecret })).toEqual([
      expect.stringMatching(
        /^Secret dbward\/prod\/admin-token already exists.*left it behind.*delete-secret/,
      ),
      expect.stringMatching(/agent-token already exists/),
      expect.stringMatching(/agent-token\/reports already exists/),
      expect.stringMatching(/metrics-token already exists/),
    ]);
    const DescribeStacks = () => ({
      Stacks: [{ StackName: "prod-dbward-State", StackStatus: "CREATE_COMPLETE" }],
    });
    expect(await mistakes({}, { DescribeSecret, DescribeStacks })).toEqual([]);
  });

  it("says who can't be asked", async () => {
    await withAws({
      GetCallerIdentity: () => {
        throw new AwsFault("ExpiredToken", "The security token included in the request is expired");
      },
    });
    const checking = preflight(stageSettings(), createAwsClients("eu-central-1"));
    await expect(checking).rejects.toThrow(
      "Asking AWS who you are failed: ExpiredToken: The security token included in the request is expired. Log in",
    );
  });
});

describe("a configuration in SSM", () => {
  const changes: Partial<StageInput> = {
    server: { image: { tag: "0.2.0" }, configParameter: "/dbward/server" },
  };
  const parameter = (Value: string, Type = "SecureString") => ({
    GetParameters: () => ({ Parameters: [{ Name: "/dbward/server", Type, Value }] }),
  });
  const WORKFLOW = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';

  it.each([
    ["lacks all that the deployment adds", ""],
    [
      "has it",
      '[[auth.roles]]\nname = "cloudwatch-metrics"\npermissions = ["metrics.view"]\n[logging]\nformat = "json"\n',
    ],
    ["keeps keys of its own", '[result_storage]\nbackend = "s3"\nmax_persist_bytes = 5\n'],
    ["begins with a byte order mark", "\uFEFF"],
  ])("passes when it %s", async (_title, text) => {
    expect((await check(changes, parameter(`${text}${WORKFLOW}`))).warnings).toEqual([]);
  });

  it("is checked as the server gets it, without quoting it", async () => {
    expect(await mistakes(changes, parameter(`a = 1\nb = "${CANARY}`))).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/server:2: Not TOML 1\.0/),
      expect.stringMatching(/^SSM parameter \/dbward\/server:2: The line holds a dbward token in plain text/),
    ]);
    expect(await mistakes(changes, parameter("[[workflows]]\n[result_storage]\nendpoint = 'x'\n"))).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/server:1: workflows\[0\]/),
      expect.stringMatching(/^SSM parameter \/dbward\/server:3: result_storage\.endpoint can't be set/),
    ]);
    expect((await mistakes(changes, parameter(`b = "${CANARY}"`))).join()).not.toContain(CANARY);
  });

  it("is checked for each agent that has it", async () => {
    const { agents } = stageSettings();
    const ssm: Partial<StageInput> = {
      agents: agents.map(({ name, databases }) => ({
        name,
        image: { tag: "0.2.0" },
        database: { urlSecret: databases[0]!.urlSecret, cidrs: ["10.9.0.0/16"] },
        configParameter: `/dbward/${name}`,
        ...(name === "app" && { secrets: { EXTRA: "extra-url" } }),
      })),
    };
    const Value =
      '\uFEFF[server]\nurl = "http://server:3000"\nagent_token = "$' +
      '{DBWARD_AGENT_TOKEN}"\n[databases.app.production]\nurl = "$' +
      '{EXTRA}"\n';
    const GetParameters = ({ Names }: Input) => ({
      Parameters: (Names as string[]).map((Name) => ({ Name, Type: "SecureString", Value })),
    });
    expect(await mistakes(ssm, { GetParameters })).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/reports:5: The variable EXTRA is not set/),
    ]);
  });

  it("is warned of when it isn't encrypted", async () => {
    expect((await check(changes, parameter(WORKFLOW, "String"))).warnings).toEqual([
      expect.stringMatching(/is a String; a SecureString is encrypted/),
    ]);
  });
});

describe("a server that runs already", () => {
  const WORKFLOW = '[[workflows]]\n[workflows.auto_approve]\nmode = "always"\n';
  const POLICY = "[[execution_policies]]\nmax_executions = 2\n";
  const started = Date.UTC(2026, 0, 2) / 1000;

  /** The answers about a server whose container has these fields. */
  const running = (container: object): Answers => ({
    DescribeStacks: ({ StackName }) => ({ Stacks: [{ StackName, StackStatus: "CREATE_COMPLETE" }] }),
    DescribeServices: () => ({ services: [{ status: "ACTIVE", taskDefinition: "server:3" }] }),
    DescribeTaskDefinition: () => ({
      taskDefinition: { containerDefinitions: [{ name: "other" }, { name: "server", ...container }] },
    }),
    ListTasks: () => ({ taskArns: ["task-1"] }),
    DescribeTasks: () => ({ tasks: [{ lastStatus: "RUNNING", startedAt: started }] }),
  });
  const rendered = (value: string) => ({ environment: [{ name: "DBWARD_CONFIG_TOML", value }] });
  const fromParameter = (valueFrom: string) => ({ secrets: [{ name: "DBWARD_CONFIG_TOML", valueFrom }] });
  const LOST =
    /^server\.toml has no \[\[execution_policies\]\], but the deployed server was started with some.*Keep at least one entry/;

  it("keeps every section that it has", async () => {
    expect(await mistakes({}, running(rendered(WORKFLOW + POLICY)))).toEqual([expect.stringMatching(LOST)]);
    expect(await mistakes({}, running(rendered(WORKFLOW)))).toEqual([]);
    expect(
      await mistakes({}, running(rendered(`${WORKFLOW}[slack]\nbot_token = "\${TOKEN}"\n${POLICY}`))),
    ).toEqual([expect.stringMatching(LOST)]);
  });

  it("is compared with the version of a parameter that its task has got", async () => {
    const version = (Version: number, day: number, Value: string) => ({
      Version,
      Value,
      LastModifiedDate: Date.UTC(2026, 0, day) / 1000,
    });
    const history = (...Parameters: object[]): Answers => ({
      ...running(fromParameter("arn:aws:ssm:eu-central-1:123456789012:parameter/dbward/server")),
      GetParameterHistory: ({ Name }) => (Name === "/dbward/server" ? { Parameters } : {}),
      GetParameters: () => ({
        Parameters: [{ Name: "/dbward/server", Type: "SecureString", Value: WORKFLOW }],
      }),
    });
    const changes: Partial<StageInput> = {
      server: { image: { tag: "0.2.0" }, configParameter: "/dbward/server" },
    };
    const before = version(1, 1, WORKFLOW + POLICY);
    expect(await mistakes(changes, history(before, version(2, 3, WORKFLOW)))).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/server has no \[\[execution_policies\]\]/),
    ]);
    expect(await mistakes(changes, history(version(1, 1, WORKFLOW), version(2, 3, WORKFLOW)))).toEqual([]);
    const stopped = { ListTasks: () => ({ taskArns: [] }) };
    expect(await mistakes(changes, { ...history(before, version(2, 3, WORKFLOW)), ...stopped })).toHaveLength(
      1,
    );
  });

  it("is not compared when there is none, and a warning says so when it can't be", async () => {
    expect(await mistakes({}, { ...running({}), DescribeServices: () => ({ services: [] }) })).toEqual([]);
    const DescribeServices = () => {
      throw new AwsFault("ClusterNotFoundException", "Cluster not found.");
    };
    expect((await check({}, { ...running({}), DescribeServices })).warnings).toEqual([]);
    const DescribeTaskDefinition = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    expect((await check({}, { ...running({}), DescribeTaskDefinition })).warnings).toEqual([
      expect.stringMatching(/^server\.toml could not be compared with the deployed one.*AccessDenied/),
    ]);
  });
});
