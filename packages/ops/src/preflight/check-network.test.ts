import type { AccountFacts, StageInput } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import { type Answers, AwsFault } from "../test-support/aws-peer.ts";
import {
  describedNetwork,
  INTERNET,
  NAT,
  NETWORK,
  type NetworkAnswers,
  REGION_ANSWERS,
  subnet,
  TRANSIT,
} from "../test-support/network-answers.ts";
import { stageSettings } from "../test-support/ops-run.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
/** What preflight says of an existing network by its ids alone. */
const found = (answers: NetworkAnswers, changes: Partial<StageInput> = {}) =>
  mistakes({ network: NETWORK, ...changes }, describedNetwork(answers));

describe("an existing network", () => {
  it("is known by its ids alone: the templates get blocks, zones and the way out", async () => {
    const { facts } = await check(
      { network: NETWORK },
      describedNetwork({
        routes: [NAT],
        mainRoutes: [TRANSIT],
        moreCidrs: [
          { cidrBlock: "10.2.0.0/16", cidrBlockState: { state: "associated" } },
          { cidrBlock: "10.3.0.0/16", cidrBlockState: { state: "disassociated" } },
        ],
      }),
    );
    const zone = (letter: string) => ({
      vpcId: "vpc-00000001",
      availabilityZone: `eu-central-1${letter}`,
      egress: "nat",
    });
    expect(facts).toEqual({
      source: "account 123456789012 in eu-central-1",
      network: {
        vpcId: "vpc-00000001",
        cidrs: ["10.1.0.0/16", "10.2.0.0/16"],
        subnets: { "subnet-00000001": zone("a"), "subnet-00000002": zone("b") },
      },
    });
  });

  it("passes with what is written as the account has it", async () => {
    const written = { ...NETWORK, cidr: ["10.1.0.0/16"] };
    expect(await found({}, { network: { ...written, egress: "nat" } })).toEqual([]);
    expect(await found({ routes: [INTERNET] }, { network: { ...written, egress: "public" } })).toEqual([]);
  });

  it("is refused where what is written contradicts the account, and says where each fact comes from", async () => {
    const network = {
      vpcId: "vpc-00000001",
      cidr: "10.9.0.0/16",
      subnets: [{ id: "subnet-00000001", availabilityZone: "eu-central-1c" }, "subnet-00000002"],
      egress: "public" as const,
    };
    expect(await found({}, { network })).toEqual([
      expect.stringMatching(
        /^network\.cidr is 10\.9\.0\.0\/16, and vpc-00000001 has 10\.1\.0\.0\/16 \(account 123456789012 in eu-central-1\)/,
      ),
      expect.stringMatching(
        /^network\.egress is "public", but subnet-00000001 has a default route to something other than an internet gateway/,
      ),
      expect.stringMatching(/^network\.egress is "public", but subnet-00000002/),
      expect.stringMatching(
        /^network\.subnets\.0\.availabilityZone is eu-central-1c, but subnet-00000001 is in eu-central-1a \(account/,
      ),
    ]);
  });

  it("is refused where dbward.lookup.json contradicts the account", async () => {
    const lookups: AccountFacts = {
      source: "dbward.lookup.json",
      network: {
        vpcId: "vpc-00000001",
        cidrs: ["10.1.0.0/16"],
        subnets: {
          "subnet-00000001": { vpcId: "vpc-00000001", availabilityZone: "eu-central-1a", egress: "public" },
          "subnet-00000002": { vpcId: "vpc-00000001", availabilityZone: "eu-central-1b", egress: "nat" },
        },
      },
    };
    expect(await mistakes({ network: NETWORK }, describedNetwork(), lookups)).toEqual([
      'dbward.lookup.json has zone eu-central-1a, egress "public", in vpc-00000001 for subnet-00000001, but account 123456789012 in ' +
        'eu-central-1 has zone eu-central-1a, egress "nat", in vpc-00000001. Run: pnpm ops lookup --stage prod',
    ]);
  });

  it("is refused when it isn't there, or its subnets are elsewhere", async () => {
    const gone = () => {
      throw new AwsFault("InvalidVpcID.NotFound", "The vpc ID 'vpc-00000001' does not exist");
    };
    expect(await mistakes({ network: NETWORK }, { DescribeVpcs: gone, DescribeVpcAttribute: gone })).toEqual([
      "network.vpcId is vpc-00000001, which isn't in account 123456789012 in eu-central-1",
    ]);
    expect(await found({ subnets: [subnet("subnet-00000001", "a", { vpcId: "vpc-00000002" })] })).toEqual([
      expect.stringMatching(
        /^network\.subnets\.0 is subnet-00000001, which is in vpc-00000002, not in vpc-00000001/,
      ),
      expect.stringMatching(
        /^network\.subnets\.1 is subnet-00000002, which account \S+ in eu-central-1 doesn't have/,
      ),
    ]);
  });

  it("is refused with two subnets in a zone, and with subnets that have different default routes", async () => {
    const subnets = [subnet("subnet-00000001", "a"), subnet("subnet-00000002", "a")];
    expect(await found({ subnets })).toEqual([
      expect.stringMatching(
        /^network\.subnets has subnet-00000001 and subnet-00000002 in eu-central-1a: EFS/,
      ),
    ]);
    expect(await found({ routes: [NAT], mainRoutes: [INTERNET] })).toEqual([
      expect.stringMatching(
        /^network\.subnets have different default routes: subnet-00000001 has .* subnet-00000002 has a route/,
      ),
    ]);
  });

  it("is refused in subnets that have IPv6 addresses only", async () => {
    const subnets = [subnet("subnet-00000001", "a", { ipv6Native: true }), subnet("subnet-00000002", "b")];
    expect(await found({ subnets })).toEqual([
      expect.stringMatching(/^Subnet subnet-00000001 has IPv6 addresses only/),
    ]);
  });

  it("is refused when a default route leads nowhere", async () => {
    expect(await found({ routes: [{ ...NAT, state: "blackhole" }] })).toEqual([
      expect.stringMatching(/^Subnet subnet-00000001 .*blackhole/),
      expect.stringMatching(/^Subnet subnet-00000002 .*blackhole/),
    ]);
  });

  it.each([
    [{ enableDnsHostnames: false }, /has DNS host names off.*--enable-dns-hostnames --region eu-central-1$/],
    [
      { enableDnsSupport: false, enableDnsHostnames: false },
      /has DNS support and DNS host names off.*--enable-dns-support --region eu-central-1 && aws .* --enable-dns-hostnames --region eu-central-1$/,
    ],
  ])("needs the VPC's DNS: %j", async (dns, expected) => {
    expect(await found({ dns })).toEqual([expect.stringMatching(expected)]);
  });

  it("is refused when the public subnets aren't, or are in one zone", async () => {
    const publicSubnets = ["subnet-00000003", "subnet-00000004"];
    const subnets = ["1", "2", "3", "4"].map((n) => subnet(`subnet-0000000${n}`, n === "2" ? "b" : "a"));
    const server = {
      ...serverInput(),
      loadBalancer: { scheme: "internet-facing" as const, certificateArn: CERTIFICATE },
    };
    expect(await found({ subnets }, { network: { ...NETWORK, publicSubnets }, server })).toEqual([
      expect.stringMatching(/^network\.publicSubnets are all in eu-central-1a: a load balancer needs two/),
      expect.stringMatching(/^network\.publicSubnets has subnet-00000003, which has no route to an internet/),
      expect.stringMatching(/^network\.publicSubnets has subnet-00000004/),
    ]);
  });

  it("is not believed when EC2's answer is not one that AWS makes", async () => {
    const subnets = [
      subnet("subnet-00000001", "a", { availabilityZone: "x; rm -rf" }),
      subnet("subnet-00000002", "b"),
    ];
    await expect(check({ network: NETWORK }, describedNetwork({ subnets }))).rejects.toThrow(
      /answer of EC2 about vpc-00000001 can't be used: network\.subnets\.subnet-00000001\.availabilityZone must be/,
    );
  });
});

function serverInput() {
  const { server } = stageSettings();
  return {
    image: server.image,
    configToml: server.config.source === "rendered" ? server.config.toml : "",
  };
}

/** A stage whose images are in ECR. */
function fromEcr(): Pick<StageInput, "server" | "agents"> {
  const image = {
    tag: "0.2.0",
    repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbward",
    ecrRepositoryName: "dbward",
  };
  const { agents } = stageSettings();
  return {
    server: { ...serverInput(), image },
    agents: agents.map(({ name, config, databases }) => ({
      name,
      image,
      database: { urlSecret: databases[0]!.urlSecret, cidrs: ["10.9.0.0/16"] },
      configToml: config.source === "rendered" ? config.toml : "",
    })),
  };
}

describe("an existing network without the internet", () => {
  const endpoint = (service: string, more: object = { vpcEndpointType: "Interface" }) => ({
    serviceName: `com.amazonaws.eu-central-1.${service}`,
    state: "available",
    ...more,
  });
  const all = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssmmessages", "monitoring", "ecs"].map(
    (name) => endpoint(name),
  );
  const s3 = (...tables: string[]) => endpoint("s3", { vpcEndpointType: "Gateway", routeTableIdSet: tables });

  it("needs its endpoints, whether the settings say so or the subnets have no default route", async () => {
    for (const network of [NETWORK, { ...NETWORK, egress: "endpoints" as const }]) {
      const changes = { network, ...fromEcr() };
      expect(await found({ routes: [], endpoints: [...all, s3("rtb-1", "rtb-main")] }, changes)).toEqual([]);
      expect(await found({ routes: [], endpoints: [...all.slice(2), s3("rtb-1")] }, changes)).toEqual([
        expect.stringMatching(
          /^No gateway endpoint for com\.amazonaws\.eu-central-1\.s3 serves the route tables of subnet-00000002/,
        ),
        expect.stringMatching(
          /^The VPC lacks interface endpoints for com\.amazonaws\.eu-central-1\.ecr\.api, com\.\S+ecr\.dkr:/,
        ),
      ]);
    }
  });

  it("can't pull images from elsewhere", async () => {
    const endpoints = [...all, s3("rtb-1", "rtb-main")];
    expect(await found({ routes: [], endpoints })).toEqual([
      expect.stringMatching(/^agents\.0\.image\.repository is ghcr\.io\S+, which can't be reached/),
      expect.stringMatching(/^agents\.1\.image\.repository/),
      expect.stringMatching(/^server\.image\.repository/),
    ]);
  });
});

describe("the zones", () => {
  const zones = (...list: [name: string, id: string, type?: string][]): Answers => ({
    DescribeAvailabilityZones: () => ({
      availabilityZoneInfo: list.map(([zoneName, zoneId, zoneType = "availability-zone"]) => ({
        zoneName,
        zoneId,
        zoneType,
      })),
    }),
  });

  it("are as many as a new VPC is to have", async () => {
    const network = { availabilityZones: 3 };
    expect(await mistakes({ network }, REGION_ANSWERS)).toEqual([]);
    const two = zones(
      ["eu-central-1a", "a"],
      ["eu-central-1b", "b"],
      ["eu-central-1-ham-1a", "h", "local-zone"],
    );
    expect(await mistakes({ network }, two)).toEqual([
      "network.availabilityZones is 3, and a new VPC can have 2 in eu-central-1: eu-central-1a, eu-central-1b",
    ]);
    // Of a default VPC with two subnets, Fn::GetAZs returns these two.
    const DescribeSubnets = () => ({
      subnetSet: [subnet("subnet-0000000a", "a"), subnet("subnet-0000000c", "c")],
    });
    expect(await mistakes({ network }, { DescribeSubnets })).toEqual([
      expect.stringMatching(/a new VPC can have 2 in eu-central-1: eu-central-1a, eu-central-1c$/),
    ]);
  });

  it("of an existing network are no local zones", async () => {
    const answers = {
      ...describedNetwork({
        subnets: [
          subnet("subnet-00000001", "a"),
          subnet("subnet-00000002", "b", { availabilityZone: "eu-central-1-ham-1a" }),
        ],
      }),
      ...zones(["eu-central-1a", "euc1-az1"], ["eu-central-1-ham-1a", "euc1-ham1-az1", "local-zone"]),
    };
    expect(await mistakes({ network: NETWORK }, answers)).toEqual([
      expect.stringMatching(
        /^Subnet subnet-00000002 .* is in eu-central-1-ham-1a, a local zone, which has neither/,
      ),
    ]);
  });

  it("offer Fargate, which in some regions not all do", async () => {
    const tokyo = zones(["ap-northeast-1a", "apne1-az4"], ["ap-northeast-1b", "apne1-az3"]);
    const { vi } = await import("vitest");
    vi.stubEnv("AWS_REGION", "ap-northeast-1");
    expect(await mistakes({}, tokyo)).toEqual([
      expect.stringMatching(
        /^CloudFormation would put a subnet of the new VPC into ap-northeast-1b, where Fargate is not offered \(apne1-az3; in ap-northeast-1 it is in apne1-az1, apne1-az2, apne1-az4\)/,
      ),
    ]);
  });
});

describe("the addresses of an existing network", () => {
  const free = (first: number, second: number) =>
    describedNetwork({
      subnets: [
        subnet("subnet-00000001", "a", { availableIpAddressCount: first }),
        subnet("subnet-00000002", "b", { availableIpAddressCount: second }),
      ],
    });
  // Two agents of one task, each with a new one beside the old, and the server: five. A mount target and the poller in each subnet: four.
  it("suffice for the first deployment, and are refused otherwise", async () => {
    expect(await mistakes({ network: NETWORK }, free(5, 4))).toEqual([]);
    expect(await mistakes({ network: NETWORK }, free(5, 3))).toEqual([
      expect.stringMatching(/^The subnets .* have 8 free addresses together, and the deployment needs 9/),
    ]);
    expect(await mistakes({ network: NETWORK }, free(20, 1))).toEqual([
      expect.stringMatching(
        /^Subnet subnet-00000002 .* has 1 free addresses, and the deployment needs 2 in it/,
      ),
    ]);
  });

  it("suffice for a load balancer", async () => {
    const server = { ...serverInput(), loadBalancer: { certificateArn: CERTIFICATE } };
    expect(await mistakes({ network: NETWORK, server }, free(40, 9))).toEqual([
      expect.stringMatching(
        /^Subnet subnet-00000002 .* has 9 free addresses, and the deployment needs 10 in it/,
      ),
    ]);
  });
});

describe("the rules of a security group", () => {
  it("are warned of when there may be more than it takes, with the name of the quota", async () => {
    const allowedCidrs = Array.from({ length: 58 }, (_, n) => `10.${n}.0.0/16`);
    const load = (blocks: string[]) => check({ server: { ...serverInput(), allowedCidrs: blocks } }, {});
    // Two agents and the poller come on top.
    expect((await load(allowedCidrs.slice(1))).warnings).toEqual([]);
    expect((await load(allowedCidrs)).warnings).toEqual([
      expect.stringMatching(
        /^The security group of the server would have 61 inbound rules.*quota "Inbound or outbound rules per security group" \(vpc, L-0EA8095F\)/,
      ),
    ]);
  });
});

describe("a change of the network", () => {
  const deployed = (record: object): Answers => ({
    DescribeStacks: ({ StackName }) => ({
      Stacks: [
        {
          StackName,
          StackStatus: "UPDATE_COMPLETE",
          Outputs: [{ OutputKey: "DeployedNetwork", OutputValue: JSON.stringify(record) }],
        },
      ],
    }),
    DescribeServices: () => ({ services: [] }),
  });

  it("that can't be made is refused against the deployed stack", async () => {
    const record = {
      kind: "new",
      cidr: "10.60.0.0/16",
      availabilityZones: 2,
      egress: "nat",
      publicSubnets: false,
    };
    expect(await mistakes({ network: { availabilityZones: 3, egress: "public" } }, deployed(record))).toEqual(
      [],
    );
    expect(await mistakes({ network: { cidr: "10.61.0.0/16" } }, deployed(record))).toEqual([
      expect.stringMatching(
        /^network\.cidr can't become 10\.61\.0\.0\/16: the stage's VPC has 10\.60\.0\.0\/16/,
      ),
    ]);
    expect(await mistakes({ network: NETWORK }, { ...describedNetwork(), ...deployed(record) })).toEqual([
      expect.stringMatching(/^network\.vpcId can't be set: the stage has its own VPC/),
    ]);
  });
});
