import type { Answers } from "./aws-peer.ts";

/** Settings of the network that {@link describedNetwork} describes. */
export const NETWORK = { vpcId: "vpc-00000001", subnets: ["subnet-00000001", "subnet-00000002"] };

const zone = (letter: string) => ({
  zoneName: `eu-central-1${letter}`,
  zoneId: `euc1-az-${letter}`,
  zoneType: "availability-zone",
});

/** Answers of EC2 about a region with three zones and no default VPC. */
export const REGION_ANSWERS: Answers = {
  DescribeAvailabilityZones: () => ({ availabilityZoneInfo: ["a", "b", "c"].map(zone) }),
  DescribeSubnets: () => ({}),
};

export const subnet = (id: string, letter: string, more: object = {}) => ({
  subnetId: id,
  vpcId: NETWORK.vpcId,
  availabilityZone: `eu-central-1${letter}`,
  availableIpAddressCount: 200,
  ...more,
});

const defaultRoute = (target: object) => ({ destinationCidrBlock: "0.0.0.0/0", state: "active", ...target });
export const NAT = defaultRoute({ natGatewayId: "nat-1" });
export const TRANSIT = defaultRoute({ transitGatewayId: "tgw-1" });
export const INTERNET = defaultRoute({ gatewayId: "igw-1" });

/** What is special about a network. */
export interface NetworkAnswers {
  /** Routes of all tables beside the local one. @default [NAT] */
  readonly routes?: readonly object[];
  /** Routes of the main table, which subnet 2 has, where they differ. */
  readonly mainRoutes?: readonly object[];
  readonly subnets?: readonly object[];
  readonly endpoints?: readonly object[];
  /** @default "10.1.0.0/16" */
  readonly cidr?: string;
  /** Blocks of the VPC beside the first. */
  readonly moreCidrs?: readonly object[];
  readonly dns?: { readonly enableDnsSupport?: boolean; readonly enableDnsHostnames?: boolean };
}

/** Answers of EC2 about one VPC, whose subnet 1 has a table of its own and subnet 2 the main one. */
export function describedNetwork({
  routes = [NAT],
  mainRoutes = routes,
  subnets = [subnet("subnet-00000001", "a"), subnet("subnet-00000002", "b")],
  endpoints = [],
  cidr = "10.1.0.0/16",
  moreCidrs = [],
  dns = {},
}: NetworkAnswers = {}): Answers {
  const table = (id: string, association: object, of: readonly object[]) => ({
    routeTableId: id,
    routeSet: [{ destinationCidrBlock: cidr, gatewayId: "local" }, ...of],
    associationSet: [association],
  });
  return {
    DescribeVpcs: () => ({
      vpcSet: [
        {
          vpcId: NETWORK.vpcId,
          cidrBlock: cidr,
          cidrBlockAssociationSet: [
            { cidrBlock: cidr, cidrBlockState: { state: "associated" } },
            ...moreCidrs,
          ],
        },
      ],
    }),
    DescribeVpcAttribute: ({ Attribute }) => {
      const name = String(Attribute) as keyof typeof dns;
      return { vpcId: NETWORK.vpcId, [name]: { value: dns[name] ?? true } };
    },
    DescribeSubnets: () => ({ subnetSet: subnets }),
    DescribeRouteTables: () => ({
      routeTableSet: [
        table("rtb-1", { subnetId: "subnet-00000001", main: false }, routes),
        table("rtb-main", { main: true }, mainRoutes),
      ],
    }),
    DescribeVpcEndpoints: () => ({ vpcEndpointSet: endpoints }),
  };
}
