import {
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  type IpPermission,
  paginateDescribeNatGateways,
  paginateDescribeRouteTables,
  paginateDescribeVpcEndpoints,
  type RouteTable,
  type SecurityGroup,
} from "@aws-sdk/client-ec2";
import { SERVER } from "@dbward-aws/contract";
import { during } from "../aws-error.ts";
import { type Finding, subjectOf } from "../finding.ts";
import { defaultRoute, routeTableOf } from "../look-up/describe-network.ts";
import { everyItem } from "../pages.ts";
import { itemsOf } from "../view/part.ts";
import type { ServiceView } from "../view/read-services.ts";
import type { StageView } from "../view/read-stage.ts";
import type { DoctorOptions } from "./diagnose.ts";

/** The ways between agent, server, database and AWS, as the deployed services have them. */
export async function checkNetwork(view: StageView, options: DoctorOptions): Promise<Finding[]> {
  const services = itemsOf(view.services).filter(({ state }) => state !== "missing");
  if (services.length === 0) return [];
  const [routes, groups] = await Promise.all([
    checkRoutes(services, options),
    checkGroups(services, view.region, options),
  ]);
  return [...routes, ...groups];
}

/** The services of AWS that a task without a way to the internet reaches through endpoints of the VPC. */
const ENDPOINTS = ["ecr.api", "ecr.dkr", "logs", "s3", "secretsmanager"] as const;

async function checkRoutes(
  services: readonly ServiceView[],
  { clients: { ec2 } }: DoctorOptions,
): Promise<Finding[]> {
  const ids = [...new Set(services.flatMap(({ network }) => network.subnets))];
  if (ids.length === 0) return [];
  const { Subnets = [] } = await during(
    "Looking up the subnets of the tasks",
    ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: "subnet-id", Values: ids }] })),
  );
  const vpcs = [...new Set(Subnets.flatMap(({ VpcId }) => VpcId ?? []))];
  if (vpcs.length === 0) return [];
  const inVpcs = { Filters: [{ Name: "vpc-id", Values: vpcs }] };
  const [tables, gateways, endpoints] = await Promise.all([
    during(
      "Looking up the route tables",
      everyItem(paginateDescribeRouteTables({ client: ec2 }, inVpcs), (page) => page.RouteTables),
    ),
    during(
      "Looking up the NAT gateways",
      everyItem(
        paginateDescribeNatGateways({ client: ec2 }, { Filter: inVpcs.Filters }),
        (page) => page.NatGateways,
      ),
    ),
    during(
      "Looking up the VPC endpoints",
      everyItem(paginateDescribeVpcEndpoints({ client: ec2 }, inVpcs), (page) => page.VpcEndpoints),
    ),
  ]);
  const ready = new Set(
    gateways.filter(({ State }) => State === "available").map(({ NatGatewayId }) => NatGatewayId),
  );
  const reached = endpoints
    .filter(({ State = "" }) => /^available$/i.test(State))
    .map(({ ServiceName = "" }) => ServiceName);
  return services.flatMap((service) =>
    service.network.subnets.flatMap((subnet): Finding[] => {
      const vpc = Subnets.find(({ SubnetId }) => SubnetId === subnet)?.VpcId;
      const problem = wayOutProblem(
        routeTableOf(
          subnet,
          tables.filter(({ VpcId }) => VpcId === vpc),
        ),
        service.network.hasPublicAddress,
        ready,
        reached,
      );
      return problem === undefined
        ? []
        : [
            {
              code: "no-way-out",
              subject: subjectOf(service),
              severity: "error",
              problem: `Tasks in subnet ${subnet} can't reach AWS: ${problem.why}.`,
              evidence: [],
              remedy: problem.remedy,
            },
          ];
    }),
  );
}

function wayOutProblem(
  table: RouteTable | undefined,
  hasPublicAddress: boolean,
  readyGateways: ReadonlySet<string | undefined>,
  endpoints: readonly string[],
): { readonly why: string; readonly remedy: string } | undefined {
  const route = defaultRoute(table);
  const id = table?.RouteTableId ?? "of the VPC";
  if (!route) {
    const missing = ENDPOINTS.filter((name) => !endpoints.some((service) => service.endsWith(`.${name}`)));
    return missing.length === 0
      ? undefined
      : {
          why: `route table ${id} has no default route, and the VPC no endpoint for ${missing.join(", ")}`,
          remedy: "Create these VPC endpoints, or add a route to a NAT gateway",
        };
  }
  if (route.State === "blackhole")
    return {
      why: `the default route of route table ${id} leads to something that no longer exists`,
      remedy: `Point the default route of ${id} at a NAT gateway or an internet gateway that exists`,
    };
  if (route.NatGatewayId && !readyGateways.has(route.NatGatewayId))
    return {
      why: `NAT gateway ${route.NatGatewayId}, to which route table ${id} leads, is not available`,
      remedy: `Create a NAT gateway, and point the default route of ${id} at it`,
    };
  if (route.GatewayId?.startsWith("igw-") && !hasPublicAddress)
    return {
      why: "the subnet is a public one, and the tasks have no public address",
      remedy: 'Set `egress: "public"` for the subnet in dbward.config.ts, or name private subnets',
    };
  return undefined;
}

async function checkGroups(
  services: readonly ServiceView[],
  region: string,
  options: DoctorOptions,
): Promise<Finding[]> {
  const { settings, clients } = options;
  const server = services.find(({ kind }) => kind === "server");
  const agents = services.filter(({ kind }) => kind === "agent");
  const databases = (name: string) =>
    (settings?.agents.find((agent) => agent.name === name)?.databases ?? []).flatMap(
      ({ variable, port, securityGroupId: group }) =>
        group === undefined ? [] : [{ variable, port, group }],
    );
  const groups = await findGroups(
    [
      ...services.flatMap(({ network }) => network.securityGroups),
      ...agents.flatMap(({ name }) => databases(name).map(({ group }) => group)),
    ],
    clients,
  );
  return agents.flatMap((agent) => {
    const own = agent.network.securityGroups;
    const subject = subjectOf(agent);
    const targets = [
      ...(server ? [{ what: "the server", port: SERVER.port, ids: server.network.securityGroups }] : []),
      ...databases(agent.name).map(({ variable, port, group }) => ({
        what: `the database of ${variable}`,
        port,
        ids: [group],
      })),
    ];
    return targets.flatMap(({ what, port, ids }): Finding[] => {
      if (own.length === 0 || ids.length === 0) return [];
      const code = what === "the server" ? "server-closed" : "database-closed";
      const finding = { code, subject, severity: "error" as const, evidence: [] };
      const missing = ids.filter((id) => !groups.has(id));
      if (missing.length > 0)
        return [
          {
            ...finding,
            problem: `Security group ${missing.join(", ")} of ${what} doesn't exist.`,
            remedy: "Name one that exists in dbward.config.ts, and deploy",
          },
        ];
      const admits = ids.some((id) => admitsAny(groups.get(id)?.IpPermissions, port, own));
      const leaves = own.some((id) => admitsAny(groups.get(id)?.IpPermissionsEgress, port, ids));
      return [
        ...(admits
          ? []
          : [
              {
                ...finding,
                problem: `Security group ${ids.join(", ")} of ${what} does not admit ${own.join(", ")} on port ${port}.`,
                remedy: `Run: aws ec2 authorize-security-group-ingress --group-id ${ids[0]} --protocol tcp --port ${port} --source-group ${own[0]} --region ${region}`,
              },
            ]),
        ...(leaves
          ? []
          : [
              {
                ...finding,
                problem: `Security group ${own.join(", ")} of ${subject} opens no way to ${what} on port ${port}.`,
                remedy: `Deploy again to restore the rule: pnpm sst deploy --stage ${options.stage}`,
              },
            ]),
      ];
    });
  });
}

async function findGroups(
  ids: readonly string[],
  { ec2 }: DoctorOptions["clients"],
): Promise<ReadonlyMap<string, SecurityGroup>> {
  if (ids.length === 0) return new Map();
  // A filter finds what is there; asking by id would fail as a whole when one of them is missing.
  const { SecurityGroups = [] } = await during(
    "Looking up the security groups",
    ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: [{ Name: "group-id", Values: [...new Set(ids)] }] }),
    ),
  );
  return new Map(SecurityGroups.map((group) => [group.GroupId!, group]));
}

/**
 * Whether rules open a TCP port to one of these groups; a block of addresses counts, since tasks have no
 * fixed address.
 */
function admitsAny(rules: readonly IpPermission[] = [], port: number, groups: readonly string[]): boolean {
  return rules
    .filter(
      ({ IpProtocol, FromPort, ToPort }) =>
        IpProtocol === "-1" ||
        (/^(tcp|6)$/.test(IpProtocol ?? "") && (FromPort ?? 0) <= port && port <= (ToPort ?? 65535)),
    )
    .some(
      ({ UserIdGroupPairs = [], IpRanges = [], Ipv6Ranges = [], PrefixListIds = [] }) =>
        IpRanges.length + Ipv6Ranges.length + PrefixListIds.length > 0 ||
        UserIdGroupPairs.some(({ GroupId = "" }) => groups.includes(GroupId)),
    );
}
