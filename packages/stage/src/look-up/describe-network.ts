import {
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  paginateDescribeRouteTables,
  type Route,
  type RouteTable,
  type Subnet,
  type Vpc,
} from "@aws-sdk/client-ec2";
import type { Egress, ExistingNetworkSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { during, ifThere } from "../aws-error.ts";

/** An existing network as the account has it. */
export interface DescribedNetwork {
  readonly vpc: Vpc;
  /** The subnets that the settings name, by their ids, as far as they exist; some may be in another VPC. */
  readonly subnets: ReadonlyMap<string, Subnet>;
  /** Route tables of the VPC. */
  readonly routeTables: readonly RouteTable[];
}

/**
 * Asks EC2 for the VPC, subnets and route tables of the settings.
 *
 * @returns `undefined` when the VPC isn't in this account and region
 * @throws AwsCallError
 */
export async function describeNetwork(
  { vpcId, subnets, publicSubnets }: ExistingNetworkSettings,
  { ec2 }: Pick<AwsClients, "ec2">,
): Promise<DescribedNetwork | undefined> {
  const found = await ifThere(
    `Looking up VPC ${vpcId}`,
    ec2.send(new DescribeVpcsCommand({ VpcIds: [vpcId] })),
    "InvalidVpcID.NotFound",
    "InvalidVpcID.Malformed",
  );
  const vpc = found?.Vpcs?.[0];
  if (!vpc) return undefined;
  const ids = [...subnets, ...publicSubnets].map(({ id }) => id);
  const [{ Subnets = [] }, routeTables] = await Promise.all([
    // A filter finds what is there; asking by id would fail as a whole when one of them is missing.
    during(
      "Looking up the subnets",
      ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: "subnet-id", Values: ids }] })),
    ),
    during("Looking up the route tables", listRouteTables(vpcId, ec2)),
  ]);
  return {
    vpc,
    subnets: new Map(Subnets.map((subnet) => [subnet.SubnetId!, subnet])),
    routeTables,
  };
}

async function listRouteTables(vpcId: string, ec2: AwsClients["ec2"]): Promise<RouteTable[]> {
  const tables: RouteTable[] = [];
  const inVpc = { Filters: [{ Name: "vpc-id", Values: [vpcId] }] };
  for await (const { RouteTables = [] } of paginateDescribeRouteTables({ client: ec2 }, inVpc))
    tables.push(...RouteTables);
  return tables;
}

/** A subnet's own route table, or else the VPC's main one. */
export function routeTableOf(subnet: string, tables: readonly RouteTable[]): RouteTable | undefined {
  return (
    tables.find(({ Associations = [] }) => Associations.some(({ SubnetId }) => SubnetId === subnet)) ??
    tables.find(({ Associations = [] }) => Associations.some(({ Main }) => Main))
  );
}

/** The default route of a table. */
export function defaultRoute(table: RouteTable | undefined): Route | undefined {
  return table?.Routes?.find(({ DestinationCidrBlock }) => DestinationCidrBlock === "0.0.0.0/0");
}

/** The way out that a table gives its subnets, in the word of the setting `network.egress`. */
export function egressOf(table: RouteTable | undefined): Egress {
  const route = defaultRoute(table);
  if (!route) return "endpoints";
  return route.GatewayId?.startsWith("igw-") ? "public" : "nat";
}

/** IPv4 blocks of a VPC that are in use. */
export function blocksOf({ CidrBlock, CidrBlockAssociationSet = [] }: Vpc): string[] {
  const associated = CidrBlockAssociationSet.filter(
    ({ CidrBlockState }) => CidrBlockState?.State === undefined || CidrBlockState.State === "associated",
  ).map((association) => association.CidrBlock);
  return [...new Set([CidrBlock, ...associated])].filter((block) => block !== undefined);
}
