import { BlockList, isIPv4 } from "node:net";
import type { IpPermission, RouteTable, SecurityGroup, Subnet, VpcEndpoint } from "@aws-sdk/client-ec2";

/** The parts of an account that decide who reaches whom. */
export interface NetworkRecords {
  readonly securityGroups: readonly SecurityGroup[];
  readonly subnets: readonly Subnet[];
  readonly routeTables: readonly RouteTable[];
  readonly endpoints: readonly VpcEndpoint[];
}

/** Where a task, a function, a mount target or a load balancer has its network interfaces. */
export interface Place {
  readonly securityGroups: readonly string[];
  readonly subnets: readonly string[];
  /** Whether its interfaces have public addresses. @default false */
  readonly publicIp?: boolean;
}

/** What a connection goes to: something of the account, or any address of an IPv4 block. */
export type Destination = Place | { readonly cidr: string };

const HTTPS = 443;
const ANYWHERE = "0.0.0.0/0";
/** A rule's protocol: TCP by name and by number, and all protocols. */
const TCP: ReadonlySet<string> = new Set(["tcp", "6", "-1"]);

/**
 * The network of an account as its rules have it. A connection is open when the security groups of who begins
 * it let it out, and those of the other side let it in.
 */
export class Network {
  readonly #groups: ReadonlyMap<string, SecurityGroup>;
  readonly #subnets: ReadonlyMap<string, Subnet>;
  readonly #records: NetworkRecords;
  readonly #region: string;

  constructor(records: NetworkRecords, region: string) {
    this.#records = records;
    this.#region = region;
    this.#groups = new Map(records.securityGroups.map((group) => [group.GroupId ?? "", group]));
    this.#subnets = new Map(records.subnets.map((subnet) => [subnet.SubnetId ?? "", subnet]));
  }

  /**
   * Why no TCP connection can be made.
   *
   * @returns `undefined` when one can be made
   */
  closed(from: Place, to: Destination, port: number): string | undefined {
    const source = this.#peer(from);
    const target = "cidr" in to ? { groups: [], blocks: [to.cidr] } : this.#peer(to);
    const lets = (groups: readonly string[], direction: Direction, peer: Peer) =>
      groups.some((id) => admits(this.#groups.get(id)?.[direction] ?? [], peer, port));
    if (!lets(from.securityGroups, "IpPermissionsEgress", target))
      return `no egress rule of ${from.securityGroups.join(", ")} lets TCP ${port} out to ${describe(to)}`;
    if (!("cidr" in to) && !lets(to.securityGroups, "IpPermissions", source))
      return `no ingress rule of ${to.securityGroups.join(", ")} lets TCP ${port} in from ${describe(from)}`;
    return undefined;
  }

  /**
   * Why a service of AWS can't be called: by an endpoint in the VPC, where it has one, else through the
   * internet.
   *
   * @param service as endpoints are named, such as `secretsmanager` or `ecr.api`
   * @returns `undefined` when it can
   */
  closedToAws(from: Place, service: string): string | undefined {
    const endpoint = this.#endpoint(from, service);
    if (endpoint?.VpcEndpointType === "Interface") {
      const groups = (endpoint.Groups ?? []).map(({ GroupId = "" }) => GroupId);
      return this.closed(from, { securityGroups: groups, subnets: endpoint.SubnetIds ?? [] }, HTTPS);
    }
    return this.#closedToInternet(from, endpoint ? undefined : this.#closedWayOut(from));
  }

  /** Why no server in the internet can be called. @returns `undefined` when one can */
  closedToInternet(from: Place): string | undefined {
    return this.#closedToInternet(from, this.#closedWayOut(from));
  }

  /** Whether a place has a group that is still there: one that is in use isn't deleted on AWS. */
  knows({ securityGroups }: Place): boolean {
    return securityGroups.some((id) => this.#groups.has(id));
  }

  /** Zones of subnets. */
  zones(subnets: readonly string[]): readonly string[] {
    return subnets.map((id) => this.#subnets.get(id)?.AvailabilityZone ?? id);
  }

  #closedToInternet(from: Place, noWayOut: string | undefined): string | undefined {
    return noWayOut ?? this.closed(from, { cidr: ANYWHERE }, HTTPS);
  }

  /** An endpoint whose private name, or route, takes the calls of a service. */
  #endpoint(from: Place, service: string): VpcEndpoint | undefined {
    const [subnet = ""] = from.subnets;
    const vpc = this.#subnets.get(subnet)?.VpcId;
    const table = this.#routeTable(subnet)?.RouteTableId ?? "";
    return this.#records.endpoints.find(
      ({ VpcId, ServiceName, State, VpcEndpointType, PrivateDnsEnabled, RouteTableIds = [] }) =>
        VpcId === vpc &&
        ServiceName === `com.amazonaws.${this.#region}.${service}` &&
        !/delet|fail|reject/i.test(State ?? "") &&
        (VpcEndpointType === "Interface" ? PrivateDnsEnabled === true : RouteTableIds.includes(table)),
    );
  }

  #closedWayOut(from: Place): string | undefined {
    for (const subnet of from.subnets) {
      const routes = this.#routeTable(subnet)?.Routes ?? [];
      const out = routes.find(({ DestinationCidrBlock }) => DestinationCidrBlock === ANYWHERE);
      if (!out || out.State === "blackhole") return `${subnet} has no route out of the VPC`;
      if (out.GatewayId?.startsWith("igw-") && !from.publicIp)
        return `${subnet} leads to an internet gateway, and there is no public address`;
    }
    return undefined;
  }

  /** The table of a subnet, which is the main one of its VPC unless it is associated with another. */
  #routeTable(subnet: string): RouteTable | undefined {
    const tables = this.#records.routeTables;
    const own = tables.find(({ Associations = [] }) =>
      Associations.some(({ SubnetId }) => SubnetId === subnet),
    );
    const vpc = this.#subnets.get(subnet)?.VpcId;
    return (
      own ??
      tables.find(
        ({ VpcId, Associations = [] }) => VpcId === vpc && Associations.some(({ Main }) => Main === true),
      )
    );
  }

  #peer({ securityGroups, subnets }: Place): Peer {
    const blocks = subnets.flatMap((id) => this.#subnets.get(id)?.CidrBlock ?? []);
    return { groups: securityGroups, blocks };
  }
}

type Direction = "IpPermissions" | "IpPermissionsEgress";

/** The other side of a connection, as rules may name it. */
interface Peer {
  readonly groups: readonly string[];
  /** In one of these its address is. */
  readonly blocks: readonly string[];
}

function admits(rules: readonly IpPermission[], peer: Peer, port: number): boolean {
  return rules.some(({ IpProtocol = "", FromPort, ToPort, UserIdGroupPairs = [], IpRanges = [] }) => {
    if (!TCP.has(IpProtocol)) return false;
    const isAll = IpProtocol === "-1" || FromPort === undefined || FromPort === -1;
    if (!isAll && !(FromPort <= port && port <= (ToPort ?? FromPort))) return false;
    if (UserIdGroupPairs.some(({ GroupId = "" }) => peer.groups.includes(GroupId))) return true;
    return (
      peer.blocks.length > 0 &&
      peer.blocks.every((block) => IpRanges.some(({ CidrIp = "" }) => contains(CidrIp, block)))
    );
  });
}

/** Whether an IPv4 block holds another one whole. */
function contains(outer: string, inner: string): boolean {
  const [address = "", length = "32"] = outer.split("/");
  const [innerAddress = "", innerLength = "32"] = inner.split("/");
  if (!isIPv4(address) || !isIPv4(innerAddress) || Number(length) > Number(innerLength)) return false;
  const block = new BlockList();
  block.addSubnet(address, Number(length));
  return block.check(innerAddress);
}

function describe(destination: Destination): string {
  if ("cidr" in destination) return destination.cidr;
  return destination.securityGroups.join(", ") || destination.subnets.join(", ");
}
