import {
  AllocateAddressCommand,
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateNatGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  type EC2Client,
  ModifyVpcAttributeCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  type ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { DescribeSecretCommand, TagResourceCommand } from "@aws-sdk/client-secrets-manager";
import { LOCAL_REGION } from "@dbward-aws/local-account";
import { DATABASE_PLACES_TAG } from "@dbward-aws/local-cloud";
import type { Account } from "./account.ts";

/** A VPC that somebody else has made, with two subnets in two zones. */
export interface Network {
  readonly vpcId: string;
  readonly subnets: readonly string[];
}

/**
 * A network whose subnets are private, behind a NAT gateway, and the security group of the database in it.
 */
export interface Platform extends Network {
  readonly group: string;
}

/** Creates a network of public subnets, with DNS host names on. */
export async function createPublicNetwork(ec2: EC2Client): Promise<Network> {
  const { vpcId, subnets, RouteTableId, GatewayId } = await createNetwork(ec2, "10.30");
  await enableDnsHostnames(ec2, vpcId);
  await ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: "0.0.0.0/0", GatewayId }));
  return { vpcId, subnets };
}

/** Creates a platform. Its VPC has DNS host names off, as AWS creates one. */
export async function createPlatform(ec2: EC2Client): Promise<Platform> {
  const { vpcId, subnets, RouteTableId } = await createNetwork(ec2, "10.20");
  const SubnetId = await createSubnet(ec2, vpcId, "10.20.9.0/24", "a");
  const { AllocationId } = await ec2.send(new AllocateAddressCommand({ Domain: "vpc" }));
  const { NatGateway } = await ec2.send(
    new CreateNatGatewayCommand({ SubnetId, AllocationId: AllocationId! }),
  );
  await ec2.send(
    new CreateRouteCommand({
      RouteTableId,
      DestinationCidrBlock: "0.0.0.0/0",
      NatGatewayId: NatGateway!.NatGatewayId!,
    }),
  );
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({ VpcId: vpcId, GroupName: "database", Description: "The database" }),
  );
  return { vpcId, subnets, group: GroupId! };
}

/** An internal load balancer in a platform's VPC with a listener for HTTP, which answers 404, and its security group. */
export async function createListener(
  ec2: EC2Client,
  balancers: ElasticLoadBalancingV2Client,
  { vpcId, subnets }: Network,
): Promise<{ readonly arn: string; readonly group: string }> {
  const { GroupId } = await ec2.send(
    new CreateSecurityGroupCommand({ VpcId: vpcId, GroupName: "balancer", Description: "The load balancer" }),
  );
  const { LoadBalancers } = await balancers.send(
    new CreateLoadBalancerCommand({
      Name: "platform",
      Scheme: "internal",
      Subnets: [...subnets],
      SecurityGroups: [GroupId!],
    }),
  );
  const { Listeners } = await balancers.send(
    new CreateListenerCommand({
      LoadBalancerArn: LoadBalancers![0]!.LoadBalancerArn!,
      Protocol: "HTTP",
      Port: 80,
      DefaultActions: [{ Type: "fixed-response", FixedResponseConfig: { StatusCode: "404" } }],
    }),
  );
  return { arn: Listeners![0]!.ListenerArn!, group: GroupId! };
}

/** Gives the instances of a VPC host names, which an interface endpoint and a file system need. */
export async function enableDnsHostnames(ec2: EC2Client, VpcId: string): Promise<void> {
  await ec2.send(new ModifyVpcAttributeCommand({ VpcId, EnableDnsHostnames: { Value: true } }));
}

/** A VPC with an internet gateway, whose two subnets have one route table without a way out. */
async function createNetwork(ec2: EC2Client, prefix: string) {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: `${prefix}.0.0/16` }));
  const VpcId = Vpc!.VpcId!;
  const { InternetGateway } = await ec2.send(new CreateInternetGatewayCommand({}));
  const GatewayId = InternetGateway!.InternetGatewayId!;
  await ec2.send(new AttachInternetGatewayCommand({ VpcId, InternetGatewayId: GatewayId }));
  const subnets = [
    await createSubnet(ec2, VpcId, `${prefix}.0.0/24`, "a"),
    await createSubnet(ec2, VpcId, `${prefix}.1.0/24`, "b"),
  ];
  const { RouteTable } = await ec2.send(new CreateRouteTableCommand({ VpcId }));
  const RouteTableId = RouteTable!.RouteTableId!;
  for (const SubnetId of subnets) await ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
  return { vpcId: VpcId, subnets, RouteTableId, GatewayId };
}

async function createSubnet(ec2: EC2Client, VpcId: string, CidrBlock: string, zone: string): Promise<string> {
  const { Subnet } = await ec2.send(
    new CreateSubnetCommand({ VpcId, CidrBlock, AvailabilityZone: `${LOCAL_REGION}${zone}` }),
  );
  return Subnet!.SubnetId!;
}

/** Notes in the emulated account that the database of a URL is in the security group of a platform. */
export async function tagDatabase(
  { secretsManager }: Account,
  secret: string,
  { group }: Platform,
): Promise<void> {
  const { ARN } = await secretsManager.send(new DescribeSecretCommand({ SecretId: secret }));
  const place = [{ securityGroupId: group, port: 5432 }];
  await secretsManager.send(
    new TagResourceCommand({
      SecretId: ARN!,
      Tags: [{ Key: DATABASE_PLACES_TAG, Value: JSON.stringify(place) }],
    }),
  );
}
