import type { StageInput } from "@dbward-aws/settings";
import { describe, expect, it } from "vitest";
import type { Answers } from "../test-support/aws-peer.ts";
import { describedNetwork, NAT, NETWORK } from "../test-support/network-answers.ts";
import { stageSettings } from "../test-support/ops-run.ts";
import { check, mistakes } from "../test-support/preflight-run.ts";

const GROUP = "sg-00000001";

/** A stage whose one agent has a database with these settings. */
function stage(database: object, network: StageInput["network"] = NETWORK): Partial<StageInput> {
  const [{ name, config }] = stageSettings().agents as [ReturnType<typeof stageSettings>["agents"][number]];
  return {
    network,
    agents: [
      {
        name,
        image: { tag: "0.2.0" },
        configToml: config.source === "rendered" ? config.toml : "",
        database: { urlSecret: "dbward/prod/app-url", ...database },
      },
    ],
  };
}

const group = (vpcId: string, rules = 0): Answers => ({
  DescribeSecurityGroups: () => ({
    securityGroupInfo: [
      {
        groupId: GROUP,
        vpcId,
        ipPermissions: [
          { ipRanges: Array.from({ length: rules }, (_, n) => ({ cidrIp: `10.${n}.0.0/16` })) },
        ],
      },
    ],
  }),
});
const PEERING = {
  vpcPeeringConnectionId: "pcx-1",
  accepterVpcInfo: { vpcId: "vpc-00000009" },
  requesterVpcInfo: { vpcId: "vpc-00000001" },
};
const peerings = (...vpcPeeringConnectionSet: object[]): Answers => ({
  DescribeVpcPeeringConnections: () => ({ vpcPeeringConnectionSet }),
});

describe("the security group of a database", () => {
  it("is in the stage's VPC", async () => {
    expect(
      await mistakes(stage({ securityGroupId: GROUP }), { ...describedNetwork(), ...group("vpc-00000001") }),
    ).toEqual([]);
  });

  it("exists", async () => {
    const none = { DescribeSecurityGroups: () => ({}) };
    expect(await mistakes(stage({ securityGroupId: GROUP }), { ...describedNetwork(), ...none })).toEqual([
      expect.stringMatching(
        /^Security group sg-00000001 \(database DATABASE_URL of agent app\) isn't in account 123456789012 in eu-central-1\. .*cidrs/,
      ),
    ]);
  });

  it("or in a VPC that is peered and routed", async () => {
    const changes = stage({ securityGroupId: GROUP });
    const far = group("vpc-00000009");
    expect(await mistakes(changes, { ...describedNetwork(), ...far, ...peerings() })).toEqual([
      expect.stringMatching(
        /^Security group .* is in vpc-00000009, which has no active peering connection with vpc-00000001: deploy into vpc-00000009/,
      ),
    ]);
    expect(await mistakes(changes, { ...describedNetwork(), ...far, ...peerings(PEERING) })).toEqual([
      expect.stringMatching(
        /peered by pcx-1, and the route tables of subnet-00000001, subnet-00000002 have no route/,
      ),
    ]);
    const route = { destinationCidrBlock: "10.9.0.0/16", vpcPeeringConnectionId: "pcx-1", state: "active" };
    expect(
      await mistakes(changes, {
        ...describedNetwork({ routes: [NAT, route] }),
        ...far,
        ...peerings(PEERING),
      }),
    ).toEqual([]);
  });

  it("can't be reached from a VPC that does not exist yet, and can from one that is deployed", async () => {
    const changes = stage({ securityGroupId: GROUP }, {});
    expect(await mistakes(changes, group("vpc-00000009"))).toEqual([
      expect.stringMatching(
        /is in vpc-00000009, and the stage's VPC does not exist yet: deploy into vpc-00000009/,
      ),
    ]);
    const deployed: Answers = {
      DescribeStacks: ({ StackName }) => ({ Stacks: [{ StackName, StackStatus: "CREATE_COMPLETE" }] }),
      DescribeServices: () => ({ services: [] }),
      DescribeStackResources: () => ({
        StackResources: [
          { ResourceType: "AWS::EC2::Subnet", PhysicalResourceId: "subnet-1" },
          { ResourceType: "AWS::EC2::VPC", PhysicalResourceId: "vpc-00000009" },
        ],
      }),
    };
    expect(await mistakes(changes, { ...group("vpc-00000009"), ...deployed })).toEqual([]);
  });

  it("has room for the agent's rule", async () => {
    const load = (rules: number) =>
      check(stage({ securityGroupId: GROUP }), { ...describedNetwork(), ...group("vpc-00000001", rules) });
    expect((await load(59)).warnings).toEqual([]);
    expect((await load(60)).warnings).toEqual([
      expect.stringMatching(
        /^Security group sg-00000001 of a database would have 61 inbound rules, .*L-0EA8095F/,
      ),
    ]);
  });
});

it("warns when nothing opens a database in the VPC, before the first deployment", async () => {
  expect((await check(stage({}), describedNetwork())).warnings).toEqual([
    expect.stringMatching(
      /^Nothing opens the security group of database DATABASE_URL to agent app: .*securityGroupId/,
    ),
  ]);
  expect((await check(stage({ cidrs: ["10.1.9.0/24"] }), describedNetwork())).warnings).toEqual([]);
});
