import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { DbwardNetwork, type DbwardNetworkProps } from "./dbward-network.ts";
import { ENDPOINT_SERVICES } from "./private-endpoints.ts";

const NEW = { kind: "new", cidr: "10.60.0.0/16", availabilityZones: 2 } as const;
const SUBNETS = [
  { id: "subnet-a", availabilityZone: "eu-central-1a" },
  { id: "subnet-b", availabilityZone: "eu-central-1b" },
];
const EXISTING = {
  kind: "existing",
  vpcId: "vpc-1",
  cidr: "10.0.0.0/16",
  subnets: SUBNETS,
  publicSubnets: [],
  egress: "nat",
} as const;

function network(props: DbwardNetworkProps) {
  const stack = new Stack(new App(), "Stack", { env: { region: "eu-central-1" } });
  return { stack, network: new DbwardNetwork(stack, "Network", props) };
}
const errorsOf = (props: DbwardNetworkProps) => network(props).network.node.validate();

describe("a new network", () => {
  it("puts tasks into private subnets behind one NAT gateway a zone", () => {
    const { stack, network: made } = network({ settings: { ...NEW, egress: "nat" } });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::EC2::NatGateway", 2);
    expect(made.assignPublicIp).toBe(false);
    expect(made.taskSubnets.subnets).toEqual((made.vpc as { privateSubnets: unknown[] }).privateSubnets);
    template.allResourcesProperties("AWS::EC2::Subnet", { MapPublicIpOnLaunch: false });
  });

  it.each([
    ["10.60.0.0/16", 2],
    ["10.60.0.0/16", 3],
    ["10.60.0.0/24", 3],
  ])("has a subnet of each kind in every zone: %s, %i zones", (cidr, availabilityZones) => {
    const { stack } = network({ settings: { ...NEW, cidr, availabilityZones, egress: "nat" } });
    const zones = Object.values(Template.fromStack(stack).findResources("AWS::EC2::Subnet")).map(
      ({ Properties }) => Properties.AvailabilityZone["Fn::Select"][0],
    );
    expect(zones.sort()).toEqual(Array.from({ length: availabilityZones }, (_, zone) => [zone, zone]).flat());
  });

  it("has no way to the internet, but endpoints for all that is called, with egress endpoints", () => {
    const { stack, network: made } = network({ settings: { ...NEW, egress: "endpoints" } });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::EC2::InternetGateway", 0);
    template.resourceCountIs("AWS::EC2::NatGateway", 0);
    template.resourceCountIs("AWS::EC2::VPCEndpoint", Object.keys(ENDPOINT_SERVICES).length + 1);
    for (const name of [
      "ecr.api",
      "ecr.dkr",
      "logs",
      "secretsmanager",
      "ssm",
      "ssmmessages",
      "monitoring",
      "ecs",
    ])
      template.hasResourceProperties("AWS::EC2::VPCEndpoint", {
        ServiceName: `com.amazonaws.eu-central-1.${name}`,
        VpcEndpointType: "Interface",
        PrivateDnsEnabled: true,
      });
    template.hasResourceProperties("AWS::EC2::SecurityGroup", {
      SecurityGroupIngress: [Match.objectLike({ CidrIp: "10.60.0.0/16", FromPort: 443, ToPort: 443 })],
    });
    expect(made.publicSubnets).toBeUndefined();
  });

  it("gives tasks public addresses only with egress public", () => {
    const { stack, network: made } = network({ settings: { ...NEW, egress: "public" } });
    Template.fromStack(stack).resourceCountIs("AWS::EC2::NatGateway", 0);
    expect(made.assignPublicIp).toBe(true);
    expect(made.taskSubnets).toEqual(made.publicSubnets);
  });

  it("keeps public subnets for an internet-facing load balancer when tasks have none", () => {
    const { network: made } = network({ settings: { ...NEW, egress: "endpoints" }, publicSubnets: true });
    expect(made.publicSubnets?.subnets).toHaveLength(2);
    expect(made.taskSubnets.subnets).not.toEqual(made.publicSubnets?.subnets);
    expect(made.node.validate()).toEqual([]);
  });

  it("reaches S3 without the internet, for nothing", () => {
    const { stack } = network({ settings: { ...NEW, egress: "nat" } });
    Template.fromStack(stack).hasResourceProperties("AWS::EC2::VPCEndpoint", {
      VpcEndpointType: "Gateway",
      RouteTableIds: Match.anyValue(),
    });
  });

  it("logs refused connections", () => {
    const { stack } = network({ settings: { ...NEW, egress: "nat" } });
    Template.fromStack(stack).hasResourceProperties("AWS::EC2::FlowLog", { TrafficType: "REJECT" });
  });

  it("refuses images that cannot be pulled without the internet, all at once", () => {
    const settings = { ...NEW, egress: "endpoints" } as const;
    const images = [
      "ghcr.io/dbward-dev/dbward-server:0.2.0",
      "ghcr.io/dbward-dev/dbward-agent:0.2.0",
      "111111111111.dkr.ecr.eu-central-1.amazonaws.com/dbward-agent:0.2.0",
    ];
    expect(errorsOf({ settings, images })).toEqual([
      expect.stringContaining("image ghcr.io/dbward-dev/dbward-server:0.2.0 is outside ECR"),
      expect.stringContaining("image ghcr.io/dbward-dev/dbward-agent:0.2.0 is outside ECR"),
    ]);
    expect(errorsOf({ settings: { ...NEW, egress: "nat" }, images })).toEqual([]);
  });
});

describe("an existing network", () => {
  it("is taken by its ids, without a look-up and without a resource", () => {
    const { stack, network: taken } = network({ settings: EXISTING });
    expect(Template.fromStack(stack).toJSON().Resources).toBeUndefined();
    expect(taken.vpc.vpcId).toBe("vpc-1");
    expect(taken.vpc.selectSubnets(taken.taskSubnets).subnetIds).toEqual(["subnet-a", "subnet-b"]);
    expect(taken.node.validate()).toEqual([]);
  });

  it("reports a zone with two subnets, and a load balancer without public ones, together", () => {
    const subnets = [...SUBNETS, { id: "subnet-c", availabilityZone: "eu-central-1a" }];
    expect(errorsOf({ settings: { ...EXISTING, subnets }, publicSubnets: true })).toEqual([
      expect.stringContaining("network.publicSubnets is empty"),
      expect.stringContaining("more than one subnet in eu-central-1a"),
    ]);
  });
});
