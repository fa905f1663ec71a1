import {
  DescribeVpcAttributeCommand,
  DescribeVpcEndpointsCommand,
  type VpcAttributeName,
  type VpcEndpoint,
} from "@aws-sdk/client-ec2";
import {
  type AccountFacts,
  completeNetwork,
  type ExistingNetwork,
  type ExistingNetworkSettings,
  type StageSettings,
} from "@dbward-aws/settings";
import {
  type AwsClients,
  type DescribedNetwork,
  defaultRoute,
  describeNetwork,
  during,
  factsOf,
  routeTableOf,
} from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";

/** A network as far as preflight knows it. */
export interface CheckedNetwork {
  readonly facts: AccountFacts;
  /** The existing network, unless there is none or it has mistakes. */
  readonly existing?: ExistingNetwork;
  /** What EC2 says of it. */
  readonly described?: DescribedNetwork;
}

/**
 * Looks the network up. An existing one must have everything that the settings name, as they say it, and every subnet a way out.
 *
 * @param source the account and region, in words
 */
export async function checkNetwork(
  settings: StageSettings,
  clients: AwsClients,
  source: string,
  findings: PreflightFindings,
): Promise<CheckedNetwork> {
  const { network } = settings;
  if (network.kind !== "existing") return { facts: { source } };
  const [described] = await Promise.all([
    describeNetwork(network, clients),
    checkDns(network, clients, findings),
  ]);
  if (!described) {
    findings.refuse(`network.vpcId is ${network.vpcId}, which isn't in ${source}`);
    return { facts: { source } };
  }
  const facts = factsOf(source, described);
  const { network: existing, problems } = completeNetwork(settings, facts);
  for (const { where, message } of problems) findings.refuse(`${where} ${message}`);
  checkIpv4(described, findings);
  checkBlackholes(network, described, findings);
  if (existing?.egress === "endpoints")
    await checkEndpoints(settings, existing, described, clients, findings);
  return { facts, described, ...(existing && { existing }) };
}

/** The file system and the server are found by names in private zones, which need both attributes. */
async function checkDns(
  { vpcId }: ExistingNetworkSettings,
  { ec2 }: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const isOff = async (attribute: VpcAttributeName, answer: "EnableDnsSupport" | "EnableDnsHostnames") => {
    const described = await during(
      `Looking up ${attribute} of VPC ${vpcId}`,
      // A VPC that doesn't exist is reported by its own check.
      ec2
        .send(new DescribeVpcAttributeCommand({ VpcId: vpcId, Attribute: attribute }))
        .catch((error: Error) => {
          if (/^InvalidVpcID/.test(error.name)) return undefined;
          throw error;
        }),
    );
    return described?.[answer]?.Value === false;
  };
  const [noSupport, noHostnames] = await Promise.all([
    isOff("enableDnsSupport", "EnableDnsSupport"),
    isOff("enableDnsHostnames", "EnableDnsHostnames"),
  ]);
  const off = [
    ...(noSupport ? ["--enable-dns-support"] : []),
    ...(noHostnames ? ["--enable-dns-hostnames"] : []),
  ];
  if (off.length === 0) return;
  const region = await ec2.config.region();
  const names = [...(noSupport ? ["DNS support"] : []), ...(noHostnames ? ["DNS host names"] : [])];
  findings.refuse(
    `VPC ${vpcId} (network.vpcId) has ${names.join(" and ")} off: tasks could find neither the file system nor the server by name. ` +
      // The command takes one attribute at a time.
      `Run: ${off.map((flag) => `aws ec2 modify-vpc-attribute --vpc-id ${vpcId} ${flag} --region ${region}`).join(" && ")}`,
  );
}

/** Rules of security groups, the names of the server and the file system's addresses are those of IPv4. */
function checkIpv4({ subnets }: DescribedNetwork, findings: PreflightFindings): void {
  for (const [id, { Ipv6Native }] of subnets)
    if (Ipv6Native)
      findings.refuse(
        `Subnet ${id} has IPv6 addresses only, and a stage works with IPv4. Name a subnet that has an IPv4 block; it may have an IPv6 block as well`,
      );
}

function checkBlackholes(
  { subnets }: ExistingNetworkSettings,
  { routeTables }: DescribedNetwork,
  findings: PreflightFindings,
): void {
  for (const { id } of subnets)
    if (defaultRoute(routeTableOf(id, routeTables))?.State === "blackhole")
      findings.refuse(
        `Subnet ${id} (network.subnets) has no way out: what its default route leads to does not exist any more (blackhole). Replace the route`,
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

async function checkEndpoints(
  settings: StageSettings,
  { vpcId, subnets }: ExistingNetwork,
  { routeTables }: DescribedNetwork,
  { ec2 }: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const region = await ec2.config.region();
  const { VpcEndpoints = [] } = await during(
    "Looking up the VPC endpoints",
    ec2.send(new DescribeVpcEndpointsCommand({ Filters: [{ Name: "vpc-id", Values: [vpcId] }] })),
  );
  const endpoints = VpcEndpoints.filter(({ State }) => State === undefined || /^available$/i.test(State));
  // In China the names begin with `cn.`.
  const isFor = ({ ServiceName }: VpcEndpoint, service: string) =>
    ServiceName?.endsWith(`com.amazonaws.${region}.${service}`) ?? false;
  const missing = neededServices(settings).filter(
    (service) => !endpoints.some((endpoint) => isFor(endpoint, service)),
  );
  if (missing.length > 0)
    findings.refuse(
      `The VPC lacks interface endpoints for ${missing.map((service) => `com.amazonaws.${region}.${service}`).join(", ")}: without ` +
        'the internet, tasks can\'t reach these services. Make them with private DNS, or set network.egress to "nat"',
    );
  const s3 = endpoints.filter((endpoint) => isFor(endpoint, "s3"));
  if (s3.some(({ VpcEndpointType }) => VpcEndpointType === "Interface")) return;
  const served = new Set(s3.flatMap(({ RouteTableIds = [] }) => RouteTableIds));
  const cutOff = subnets
    .map(({ id }) => ({ id, table: routeTableOf(id, routeTables)?.RouteTableId }))
    .filter(({ table }) => !served.has(table ?? ""));
  if (cutOff.length > 0)
    findings.refuse(
      `No gateway endpoint for com.amazonaws.${region}.s3 serves the route tables of ${cutOff.map(({ id }) => id).join(", ")}: ECR ` +
        "keeps the layers of images in S3, so that no task could start",
    );
}
