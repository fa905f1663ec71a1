import type { StageSettings } from "@dbward-aws/settings";
import type { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { serverSettings } from "../test-support/settings.ts";
import { templates } from "../test-support/synth.ts";

const CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/11111111-2222-3333-4444-555555555555";
const SCHEMES = [undefined, "internal", "internet-facing"] as const;

/** Every network that a deployment can make, with each kind of load balancer. */
const NETWORKS = [2, 3].flatMap((availabilityZones) =>
  (["nat", "public", "endpoints"] as const).flatMap((egress) =>
    SCHEMES.map((scheme) => {
      const stage: Partial<StageSettings> = {
        network: { kind: "new", cidr: "10.60.0.0/16", availabilityZones, egress },
        server: serverSettings(
          scheme && {
            loadBalancer: { scheme, certificateArn: CERTIFICATE, allowedCidrs: ["10.0.0.0/8"] },
          },
        ),
      };
      return { name: `${availabilityZones} zones, ${egress}, ${scheme ?? "no"} load balancer`, stage };
    }),
  ),
);
const SYNTHESISED = NETWORKS.map(({ name, stage }) => ({ name, ...templates(stage) }));
const PAIRS = SYNTHESISED.flatMap((before) => SYNTHESISED.map((after) => ({ before, after })));

interface Placed {
  readonly id: string;
  readonly zone: string;
  readonly block: string;
}

function subnetsOf(template: Template): Placed[] {
  return Object.entries(template.findResources("AWS::EC2::Subnet")).map(([id, { Properties }]) => ({
    id,
    zone: JSON.stringify(Properties.AvailabilityZone),
    block: Properties.CidrBlock,
  }));
}

function overlap(a: string, b: string): boolean {
  const [first, second] = [a, b].map((block) => {
    const [address, prefix] = block.split("/");
    const start = address!.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
    return { start, end: start + 2 ** (32 - Number(prefix)) };
  }) as [{ start: number; end: number }, { start: number; end: number }];
  return first.start < second.end && second.start < first.end;
}

/** What CloudFormation would create while what it replaces is still there. */
function conflicts(before: readonly Placed[], after: readonly Placed[]): string[] {
  return after.flatMap((subnet) => {
    const same = before.find(({ id }) => id === subnet.id);
    const moved = same && (same.block !== subnet.block || same.zone !== subnet.zone);
    const taken = before.filter(({ id, block }) => id !== subnet.id && overlap(block, subnet.block));
    return [
      ...(moved ? [`${subnet.id} moves from ${same.block} to ${subnet.block}`] : []),
      ...taken.map(({ id }) => `${subnet.id} takes ${subnet.block}, where ${id} is`),
    ];
  });
}

describe("a change of a new network", () => {
  it("is looked at by a check that sees a block which moves", () => {
    const before = [
      { id: "A", zone: "1", block: "10.0.0.0/19" },
      { id: "B", zone: "1", block: "10.0.32.0/19" },
    ];
    const after = [{ id: "A", zone: "1", block: "10.0.32.0/19" }];
    expect(conflicts(before, after)).toHaveLength(2);
    expect(conflicts(before, before)).toEqual([]);
    expect(conflicts(before, [{ id: "C", zone: "2", block: "10.0.48.0/20" }])).toHaveLength(1);
  });

  it("moves no block of a subnet, for every pair of networks", () => {
    expect(PAIRS).toHaveLength(18 ** 2);
    const found = PAIRS.flatMap(({ before, after }) =>
      conflicts(subnetsOf(before.state), subnetsOf(after.state)).map(
        (conflict) => `${before.name} -> ${after.name}: ${conflict}`,
      ),
    );
    expect(found).toEqual([]);
  });

  it("leaves every mount target in its subnet: EFS takes one a zone", () => {
    const mountsOf = ({ state }: { state: Template }) =>
      Object.entries(state.findResources("AWS::EFS::MountTarget")).map(([id, { Properties }]) => ({
        id,
        subnet: Properties.SubnetId.Ref as string,
      }));
    for (const { before, after } of PAIRS) {
      const former = mountsOf(before);
      for (const mount of mountsOf(after)) {
        const atSameSubnet = former.find(({ subnet }) => subnet === mount.subnet);
        expect(atSameSubnet?.id ?? mount.id, `${before.name} -> ${after.name}`).toBe(mount.id);
        expect(mount.subnet).toMatch(/TasksSubnet/);
      }
    }
  });

  it("makes a load balancer of another scheme beside the former one, with a target group and names of its own", () => {
    const idsOf = ({ server }: { server: Template }) =>
      ["AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ElasticLoadBalancingV2::TargetGroup"].flatMap(
        (type) => Object.keys(server.findResources(type)),
      );
    for (const { before, after } of PAIRS) {
      const [former, next] = [idsOf(before), idsOf(after)];
      const schemes = [before.name, after.name].map((name) => name.split(", ")[2]);
      expect(
        next.filter((id) => former.includes(id)),
        `${before.name} -> ${after.name}`,
      ).toEqual(schemes[0] === schemes[1] ? former : []);
    }
  });

  it("keeps an internal load balancer where it is when the tasks' way out changes", () => {
    const places = SYNTHESISED.filter(({ name }) => name.startsWith("2") && name.includes("internal")).map(
      ({ server }) =>
        Object.values(server.findResources("AWS::ElasticLoadBalancingV2::LoadBalancer"))[0]!.Properties
          .Subnets,
    );
    expect(places).toHaveLength(3);
    for (const place of places) expect(place).toEqual(places[0]);
  });
});
