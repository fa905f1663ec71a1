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
  const ROLE = '[[auth.roles]]\nname = "cloudwatch-metrics"\npermissions = ["metrics.view"]\n';

  it("passes when dbward would take it", async () => {
    expect((await check(changes, parameter(ROLE))).warnings).toEqual([]);
  });

  it("is checked as a file would be, without a word of its text", async () => {
    expect(await mistakes(changes, parameter(`a = 1\nb = "${CANARY}`))).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/server:2:\d+: Invalid TOML/),
    ]);
    expect(await mistakes(changes, parameter("[[workflows]]\n"))).toEqual([
      expect.stringMatching(/^SSM parameter \/dbward\/server:1: the workflow needs/),
    ]);
    expect((await mistakes(changes, parameter(`b = "${CANARY}"`))).join()).not.toContain(CANARY);
  });

  it("is warned of when it isn't encrypted, or lacks the poller's role", async () => {
    expect((await check(changes, parameter("", "String"))).warnings).toEqual([
      expect.stringMatching(/has no role "cloudwatch-metrics"/),
      expect.stringMatching(/is a String; a SecureString is encrypted/),
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
