import {
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcsCommand,
  type Route,
  type RouteTable,
  type Subnet,
  type VpcEndpoint,
} from "@aws-sdk/client-ec2";
import type { ExistingNetworkSettings, StageSettings, SubnetSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { during, ifThere } from "../aws-error.ts";
import type { PreflightFindings } from "./findings.ts";

/** An existing network: everything that the settings name is there, and every subnet has the way out that they say. */
export async function checkNetwork(
  settings: StageSettings,
  clients: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<void> {
  const { network } = settings;
  if (network.kind !== "existing") return;
  if (!(await checkVpc(network, clients, findings))) return;
  const [subnets, routeTables, endpoints] = await Promise.all([
    findSubnets(network, clients),
    findRouteTables(network, clients),
    network.egress === "endpoints" ? findEndpoints(network, clients) : [],
  ]);
  const isThere = (subnet: SubnetSettings, setting: string) =>
    checkSubnet(subnet, setting, subnets.get(subnet.id), network.vpcId, findings);

  const taskTables = network.subnets
    .filter((subnet) => isThere(subnet, "network.subnets"))
    .map((subnet) => ({ subnet, table: tableOf(subnet.id, routeTables) }));
  for (const { subnet, table } of taskTables) checkWayOut(subnet.id, table, network.egress, findings);
  for (const subnet of network.publicSubnets)
    if (
      isThere(subnet, "network.publicSubnets") &&
      wayOut(tableOf(subnet.id, routeTables)) !== "internet gateway"
    )
      findings.refuse(
        `Subnet ${subnet.id} (network.publicSubnets) has no route to an internet gateway: a load balancer in it ` +
          "can't be reached from the internet. Name a public subnet",
      );
  if (network.egress === "endpoints") checkEndpoints(settings, region, endpoints, taskTables, findings);
}

async function checkVpc(
  network: ExistingNetworkSettings,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<boolean> {
  const found = await ifThere(
    `Looking up VPC ${network.vpcId}`,
    clients.ec2.send(new DescribeVpcsCommand({ VpcIds: [network.vpcId] })),
    "InvalidVpcID.NotFound",
    "InvalidVpcID.Malformed",
  );
  const vpc = found?.Vpcs?.[0];
  if (!vpc) {
    findings.refuse(`VPC ${network.vpcId} (network.vpcId) isn't in this account and region`);
    return false;
  }
  const blocks = (vpc.CidrBlockAssociationSet ?? []).map(({ CidrBlock }) => CidrBlock);
  if (![vpc.CidrBlock, ...blocks].includes(network.cidr))
    findings.refuse(
      `VPC ${network.vpcId} has the block ${vpc.CidrBlock}, not ${network.cidr} (network.cidr): ` +
        "security groups made for another block would let nobody through",
    );
  return true;
}

async function findSubnets(
  network: ExistingNetworkSettings,
  clients: AwsClients,
): Promise<Map<string, Subnet>> {
  const ids = [...network.subnets, ...network.publicSubnets].map(({ id }) => id);
  // A filter finds what is there; asking by id would fail as a whole when one of them is missing.
  const { Subnets = [] } = await during(
    "Looking up the subnets",
    clients.ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: "subnet-id", Values: ids }] })),
  );
  return new Map(Subnets.map((subnet) => [subnet.SubnetId!, subnet]));
}

async function findRouteTables(
  network: ExistingNetworkSettings,
  clients: AwsClients,
): Promise<readonly RouteTable[]> {
  const { RouteTables = [] } = await during(
    "Looking up the route tables",
    clients.ec2.send(new DescribeRouteTablesCommand({ Filters: [inVpc(network)] })),
  );
  return RouteTables;
}

async function findEndpoints(
  network: ExistingNetworkSettings,
  clients: AwsClients,
): Promise<readonly VpcEndpoint[]> {
  const { VpcEndpoints = [] } = await during(
    "Looking up the VPC endpoints",
    clients.ec2.send(new DescribeVpcEndpointsCommand({ Filters: [inVpc(network)] })),
  );
  return VpcEndpoints.filter(({ State }) => State === undefined || /^available$/i.test(State));
}

function inVpc({ vpcId }: ExistingNetworkSettings) {
  return { Name: "vpc-id", Values: [vpcId] };
}

function checkSubnet(
  { id, availabilityZone }: SubnetSettings,
  setting: string,
  subnet: Subnet | undefined,
  vpcId: string,
  findings: PreflightFindings,
): boolean {
  if (!subnet) findings.refuse(`Subnet ${id} (${setting}) isn't in this account and region`);
  else if (subnet.VpcId !== vpcId)
    findings.refuse(`Subnet ${id} (${setting}) is in ${subnet.VpcId}, not in ${vpcId}`);
  else if (subnet.AvailabilityZone !== availabilityZone)
    findings.refuse(`Subnet ${id} (${setting}) is in ${subnet.AvailabilityZone}, not in ${availabilityZone}`);
  return subnet?.VpcId === vpcId;
}

/** A subnet's own route table, or else the VPC's main one. */
function tableOf(subnet: string, tables: readonly RouteTable[]): RouteTable | undefined {
  return (
    tables.find(({ Associations = [] }) => Associations.some(({ SubnetId }) => SubnetId === subnet)) ??
    tables.find(({ Associations = [] }) => Associations.some(({ Main }) => Main))
  );
}

type WayOut = "internet gateway" | "private" | "blackhole" | "none";

/** Where the default route leads. */
function wayOut(table: RouteTable | undefined): WayOut {
  const route = table?.Routes?.find(({ DestinationCidrBlock }) => DestinationCidrBlock === "0.0.0.0/0");
  if (!route) return "none";
  if (route.State === "blackhole") return "blackhole";
  return isInternetGateway(route) ? "internet gateway" : "private";
}

function isInternetGateway({ GatewayId }: Route): boolean {
  return GatewayId?.startsWith("igw-") ?? false;
}

function checkWayOut(
  subnet: string,
  table: RouteTable | undefined,
  egress: ExistingNetworkSettings["egress"],
  findings: PreflightFindings,
): void {
  if (egress === "endpoints") return;
  const found = wayOut(table);
  const name = `Subnet ${subnet}`;
  if (found === "none")
    findings.refuse(
      `${name} has no way out: its route table has no default route. Add a NAT gateway and a route to it, or make ` +
        'VPC endpoints and set network.egress to "endpoints"',
    );
  else if (found === "blackhole")
    findings.refuse(`${name} has no way out: what its default route leads to is gone (blackhole)`);
  else if (egress === "nat" && found === "internet gateway")
    findings.refuse(
      `${name} is public: its default route leads to an internet gateway, which serves public addresses alone, and with ` +
        'network.egress "nat" tasks have none. Name private subnets, or set network.egress to "public"',
    );
  else if (egress === "public" && found === "private")
    findings.refuse(
      `${name} is private: its default route leads to no internet gateway, so public addresses are of no use. ` +
        'Set network.egress to "nat"',
    );
}

/** The services that tasks and the poller call, by the endpoint's name. */
function neededServices({ capture, monitoring, server, agents }: StageSettings): string[] {
  const fromSsm = [server, ...agents].some(({ config }) => config.source === "ssm");
  return [
    "ecr.api",
    "ecr.dkr",
    "logs",
    "secretsmanager",
    ...(capture.method === "exec" ? ["ssmmessages"] : []),
    ...(fromSsm ? ["ssm"] : []),
    ...(monitoring.publisher === "api" ? ["monitoring"] : []),
    "ecs",
  ];
}

function checkEndpoints(
  settings: StageSettings,
  region: string,
  endpoints: readonly VpcEndpoint[],
  taskTables: readonly { readonly subnet: SubnetSettings; readonly table: RouteTable | undefined }[],
  findings: PreflightFindings,
): void {
  const nameOf = (service: string) => `com.amazonaws.${region}.${service}`;
  const names = new Set(endpoints.map(({ ServiceName }) => ServiceName));
  const missing = neededServices(settings).filter((service) => !names.has(nameOf(service)));
  if (missing.length > 0)
    findings.refuse(
      `The VPC lacks interface endpoints for ${missing.map(nameOf).join(", ")}: without the internet, tasks can't ` +
        'reach these services. Make them with private DNS, or set network.egress to "nat"',
    );

  const s3 = endpoints.filter(({ ServiceName }) => ServiceName === nameOf("s3"));
  if (s3.some(({ VpcEndpointType }) => VpcEndpointType === "Interface")) return;
  const served = new Set(s3.flatMap(({ RouteTableIds = [] }) => RouteTableIds));
  const cutOff = taskTables
    .filter(({ table }) => !served.has(table?.RouteTableId ?? ""))
    .map(({ subnet }) => subnet.id);
  if (cutOff.length > 0)
    findings.refuse(
      `No gateway endpoint for ${nameOf("s3")} serves the route tables of ${cutOff.join(", ")}: ECR keeps the layers ` +
        "of images in S3, so that no task could start",
    );
}
