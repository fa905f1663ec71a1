import { App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { Egress } from "./egress.ts";
import { NewNetwork, type NewNetworkProps } from "./new-network.ts";
import { ENDPOINT_SERVICES } from "./private-endpoints.ts";

function network(props: NewNetworkProps = {}) {
  const stack = new Stack(new App(), "Stack", { env: { region: "eu-central-1" } });
  const made = new NewNetwork(stack, "Network", props);
  return { made, template: Template.fromStack(stack) };
}

describe("a new network", () => {
  it("puts tasks into private subnets behind one NAT gateway a zone", () => {
    const { made, template } = network();
    template.resourceCountIs("AWS::EC2::NatGateway", 2);
    expect(made.assignPublicIp).toBe(false);
    expect(made.taskSubnets.subnets).toEqual(made.vpc.privateSubnets);
    template.allResourcesProperties("AWS::EC2::Subnet", { MapPublicIpOnLaunch: false });
    network({ availabilityZones: 3 }).template.resourceCountIs("AWS::EC2::NatGateway", 3);
  });

  it.each([
    ["10.60.0.0/16", 2],
    ["10.60.0.0/16", 3],
    ["10.60.0.0/24", 3],
  ])("has a subnet of each kind in every zone: %s, %i zones", (cidr, availabilityZones) => {
    const { template } = network({ cidr, availabilityZones });
    const zones = Object.values(template.findResources("AWS::EC2::Subnet")).map(
      ({ Properties }) => Properties.AvailabilityZone["Fn::Select"][0],
    );
    expect(zones.sort()).toEqual(Array.from({ length: availabilityZones }, (_, zone) => [zone, zone]).flat());
  });

  it("has no way to the internet, but endpoints for all that is called, with egress endpoints", () => {
    const { made, template } = network({ egress: Egress.endpoints() });
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

  it("gives tasks public addresses only with egress public, and keeps mount targets in private subnets", () => {
    const { made, template } = network({ egress: Egress.publicAddresses() });
    template.resourceCountIs("AWS::EC2::NatGateway", 0);
    expect(made.assignPublicIp).toBe(true);
    expect(made.taskSubnets).toEqual(made.publicSubnets);
    expect(made.internalSubnets.subnets).toEqual(made.vpc.isolatedSubnets);
    expect(made.internalSubnets.subnets).toHaveLength(2);
  });

  it("keeps public subnets for an internet-facing load balancer when tasks have none", () => {
    const { made } = network({ egress: Egress.endpoints(), publicSubnets: true });
    expect(made.publicSubnets?.subnets).toHaveLength(2);
    expect(made.taskSubnets.subnets).not.toEqual(made.publicSubnets?.subnets);
  });

  it("reaches S3 without the internet, for nothing", () => {
    network().template.hasResourceProperties("AWS::EC2::VPCEndpoint", {
      VpcEndpointType: "Gateway",
      RouteTableIds: Match.anyValue(),
    });
  });

  it("logs refused connections", () => {
    network().template.hasResourceProperties("AWS::EC2::FlowLog", { TrafficType: "REJECT" });
  });
});
