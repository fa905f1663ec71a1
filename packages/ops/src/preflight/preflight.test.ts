import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { createAwsClients } from "../aws-clients.ts";
import { type Answers, AwsFault, type Input } from "../test-support/aws-peer.ts";
import { CANARY, stageSettings, withAws } from "../test-support/ops-run.ts";
import { PreflightError, preflight } from "./preflight.ts";

const missing = () => {
  throw new AwsFault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
};
const noStack = ({ StackName }: Input) => {
  throw new AwsFault("ValidationError", `Stack with id ${StackName} does not exist`);
};
/** Every secret that a person makes is there. */
const filledByPeople = (input: Input) =>
  /-url$|licence/.test(String(input.SecretId)) ? { VersionIdsToStages: { v1: ["AWSCURRENT"] } } : missing();

/** An account in which the stage can be deployed. */
const ACCOUNT: Answers = {
  GetCallerIdentity: () => ({
    Account: "123456789012",
    Arn: "arn:aws:iam::123456789012:user/me",
    UserId: "me",
  }),
  DescribeSecret: filledByPeople,
  DescribeStacks: noStack,
};

const NETWORK: StageInput["network"] = {
  vpcId: "vpc-00000001",
  cidr: "10.1.0.0/16",
  subnets: [
    { id: "subnet-00000001", availabilityZone: "eu-central-1a" },
    { id: "subnet-00000002", availabilityZone: "eu-central-1b" },
  ],
};

interface FakeNetwork {
  readonly routes?: readonly object[];
  readonly subnets?: readonly object[];
  readonly endpoints?: readonly object[];
  readonly cidr?: string;
}

const subnet = (id: string, zone: string, vpcId = "vpc-00000001") => ({
  subnetId: id,
  vpcId,
  availabilityZone: `eu-central-1${zone}`,
});

/** Answers of EC2 about one VPC, whose subnet 1 has a table of its own and subnet 2 the main one. */
function ec2({ routes = [], subnets, endpoints = [], cidr = "10.1.0.0/16" }: FakeNetwork): Answers {
  const table = (id: string, association: object) => ({
    routeTableId: id,
    routeSet: [{ destinationCidrBlock: "10.1.0.0/16", gatewayId: "local" }, ...routes],
    associationSet: [association],
  });
  return {
    DescribeVpcs: () => ({ vpcSet: [{ vpcId: "vpc-00000001", cidrBlock: cidr }] }),
    DescribeSubnets: () => ({
      subnetSet: subnets ?? [subnet("subnet-00000001", "a"), subnet("subnet-00000002", "b")],
    }),
    DescribeRouteTables: () => ({
      routeTableSet: [
        table("rtb-1", { subnetId: "subnet-00000001", main: false }),
        table("rtb-main", { main: true }),
      ],
    }),
    DescribeVpcEndpoints: () => ({ vpcEndpointSet: endpoints }),
  };
}

const defaultRoute = (target: object) => ({ destinationCidrBlock: "0.0.0.0/0", state: "active", ...target });
const NAT = defaultRoute({ natGatewayId: "nat-1" });
const INTERNET = defaultRoute({ gatewayId: "igw-1" });

async function check(changes: Partial<StageInput>, answers: Answers) {
  await withAws({ ...ACCOUNT, ...answers });
  return preflight(stageSettings(changes), createAwsClients());
}

async function mistakes(changes: Partial<StageInput>, answers: Answers): Promise<readonly string[]> {
  const error = await check(changes, answers).catch((error: unknown) => error);
  if (error instanceof PreflightError) return error.mistakes;
  if (error instanceof Error) throw error;
  return [];
}

describe("preflight", () => {
  it("lets a stage pass whose account has what it needs, and reads no secret", async () => {
    const peer = await withAws(ACCOUNT);
    const result = await preflight(stageSettings(), createAwsClients());
    expect(result).toEqual({ account: "123456789012", region: "eu-central-1", warnings: [] });
    expect(peer.calls).not.toContain("GetSecretValue");
  });

  it("tells everything at once", async () => {
    const { server } = stageSettings();
    const changes: Partial<StageInput> = {
      network: NETWORK,
      server: {
        image: server.image,
        configParameter: "/dbward/server",
        licenseKeySecret: "licence",
        loadBalancer: { certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/x" },
      },
    };
    const found = await mistakes(changes, {
      ...ec2({}),
      DescribeSecret: missing,
      GetParameters: () => ({ Parameters: [], InvalidParameters: ["/dbward/server"] }),
    });
    expect(found).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/server is missing/),
      expect.stringMatching(
        /^Secret dbward\/prod\/app-url \(database URL of agent app\) is missing.*create-secret/,
      ),
      expect.stringMatching(/^Secret dbward\/prod\/reports-url/),
      expect.stringMatching(/^Secret licence \(server\.licenseKeySecret\) is missing/),
      expect.stringMatching(/^Subnet subnet-00000001 has no way out/),
      expect.stringMatching(/^Subnet subnet-00000002 has no way out/),
      expect.stringMatching(/^The certificate .* is in us-east-1, and the stage in eu-central-1/),
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
      expect.stringMatching(/^Secret dbward\/prod\/admin-token is there already.*left over/),
      expect.stringMatching(/agent-token is there/),
      expect.stringMatching(/agent-token\/reports is there/),
      expect.stringMatching(/metrics-token is there/),
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
    const checking = preflight(stageSettings(), createAwsClients());
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
      agents: agents.map(({ name, database }) => ({
        name,
        image: { tag: "0.2.0" },
        database: { urlSecret: database.urlSecret },
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
    /^server\.toml has no \[\[execution_policies\]\], but the deployed server was started with some.*Keep one entry/;

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

  it("is not compared when there is none, and the reader told when it can't be", async () => {
    expect(await mistakes({}, { ...running({}), DescribeServices: () => ({ services: [] }) })).toEqual([]);
    const DescribeTaskDefinition = () => {
      throw new AwsFault("AccessDeniedException", "not authorized");
    };
    expect((await check({}, { ...running({}), DescribeTaskDefinition })).warnings).toEqual([
      expect.stringMatching(/^server\.toml could not be compared with the deployed one.*AccessDenied/),
    ]);
  });
});

describe("an existing network", () => {
  it("passes with a way out that is as the settings say", async () => {
    expect(await mistakes({ network: NETWORK }, ec2({ routes: [NAT] }))).toEqual([]);
    expect(
      await mistakes({ network: { ...NETWORK, egress: "public" } }, ec2({ routes: [INTERNET] })),
    ).toEqual([]);
  });

  it.each([
    ["no default route", { routes: [] }, /has no way out: its route table has no default route/],
    ["a NAT gateway that is gone", { routes: [{ ...NAT, state: "blackhole" }] }, /blackhole/],
    ["public subnets", { routes: [INTERNET] }, /is public: its default route leads to an internet gateway/],
  ])("is refused with %s", async (_title, fake, expected) => {
    const found = await mistakes({ network: NETWORK }, ec2(fake));
    expect(found).toEqual([expect.stringMatching(expected), expect.stringMatching(expected)]);
  });

  it("is refused when it isn't there, or isn't as the settings say", async () => {
    const DescribeVpcs = () => {
      throw new AwsFault("InvalidVpcID.NotFound", "The vpc ID 'vpc-00000001' does not exist");
    };
    expect(await mistakes({ network: NETWORK }, { DescribeVpcs })).toEqual([
      "VPC vpc-00000001 (network.vpcId) isn't in this account and region",
    ]);
    const elsewhere = [subnet("subnet-00000001", "c")];
    expect(
      await mistakes({ network: NETWORK }, ec2({ routes: [NAT], subnets: elsewhere, cidr: "10.9.0.0/16" })),
    ).toEqual([
      expect.stringMatching(/^Subnet subnet-00000001 .* is in eu-central-1c, not in eu-central-1a/),
      expect.stringMatching(/^Subnet subnet-00000002 .* isn't in this account and region/),
      expect.stringMatching(/has the block 10\.9\.0\.0\/16, not 10\.1\.0\.0\/16/),
    ]);
    const foreign = [subnet("subnet-00000001", "a", "vpc-2"), subnet("subnet-00000002", "b")];
    expect(await mistakes({ network: NETWORK }, ec2({ routes: [NAT], subnets: foreign }))).toEqual([
      expect.stringMatching(/is in vpc-2, not in vpc-00000001/),
    ]);
  });

  it("is refused when the public subnets aren't", async () => {
    const publicSubnets = [{ id: "subnet-00000003", availabilityZone: "eu-central-1a" }];
    const subnets = ["1", "2", "3"].map((n) => subnet(`subnet-0000000${n}`, n === "2" ? "b" : "a"));
    expect(
      await mistakes({ network: { ...NETWORK, publicSubnets } }, ec2({ routes: [NAT], subnets })),
    ).toEqual([expect.stringMatching(/^Subnet subnet-00000003 .* no route to an internet gateway/)]);
  });

  it("without the internet needs its endpoints", async () => {
    const image = {
      tag: "0.2.0",
      repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbward",
      ecrRepositoryName: "dbward",
    };
    const { server, agents } = stageSettings();
    const changes: Partial<StageInput> = {
      network: { ...NETWORK, egress: "endpoints" },
      server: { image, configToml: server.config.source === "rendered" ? server.config.toml : "" },
      agents: agents.map(({ name, config, database }) => ({
        name,
        image,
        database: { urlSecret: database.urlSecret },
        configToml: config.source === "rendered" ? config.toml : "",
      })),
    };
    const endpoint = (service: string, more: object = { vpcEndpointType: "Interface" }) => ({
      serviceName: `com.amazonaws.eu-central-1.${service}`,
      state: "available",
      ...more,
    });
    const all = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssmmessages", "monitoring", "ecs"].map(
      (name) => endpoint(name),
    );
    const s3 = (...tables: string[]) =>
      endpoint("s3", { vpcEndpointType: "Gateway", routeTableIdSet: tables });
    expect(await mistakes(changes, ec2({ endpoints: [...all, s3("rtb-1", "rtb-main")] }))).toEqual([]);
    expect(await mistakes(changes, ec2({ endpoints: [...all.slice(2), s3("rtb-1")] }))).toEqual([
      expect.stringMatching(
        /^No gateway endpoint for com\.amazonaws\.eu-central-1\.s3 serves the route tables of subnet-00000002/,
      ),
      expect.stringMatching(
        /^The VPC lacks interface endpoints for com\.amazonaws\.eu-central-1\.ecr\.api, com\.\S+ecr\.dkr:/,
      ),
    ]);
  });
});
