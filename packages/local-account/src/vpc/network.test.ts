import { describe, expect, it } from "vitest";
import { Network, type NetworkRecords, type Place } from "./network.ts";

const REGION = "eu-central-1";

/** A rule for one port, to or from groups and blocks. */
function rule(port: number, peers: readonly string[], protocol = "tcp") {
  return {
    IpProtocol: protocol,
    ...(protocol === "-1" ? {} : { FromPort: port, ToPort: port }),
    UserIdGroupPairs: peers.filter((it) => it.startsWith("sg-")).map((GroupId) => ({ GroupId })),
    IpRanges: peers.filter((it) => !it.startsWith("sg-")).map((CidrIp) => ({ CidrIp })),
  };
}

type Rules = ReturnType<typeof rule>[];

function network(
  groups: Record<string, { readonly out?: Rules; readonly in?: Rules }>,
  more: Partial<NetworkRecords> = {},
): Network {
  const records: NetworkRecords = {
    securityGroups: Object.entries(groups).map(([GroupId, rules]) => ({
      GroupId,
      IpPermissionsEgress: rules.out ?? [],
      IpPermissions: rules.in ?? [],
    })),
    subnets: [
      { SubnetId: "subnet-a", VpcId: "vpc-1", CidrBlock: "10.0.0.0/24", AvailabilityZone: `${REGION}a` },
      { SubnetId: "subnet-b", VpcId: "vpc-1", CidrBlock: "10.0.1.0/24", AvailabilityZone: `${REGION}b` },
    ],
    routeTables: [],
    endpoints: [],
    ...more,
  };
  return new Network(records, REGION);
}

const AGENT: Place = { securityGroups: ["sg-agent"], subnets: ["subnet-a"] };
const SERVER: Place = { securityGroups: ["sg-server"], subnets: ["subnet-a", "subnet-b"] };

describe("a connection inside the VPC", () => {
  it("is open when one side lets it out and the other lets it in, by group", () => {
    const open = network({
      "sg-agent": { out: [rule(3000, ["sg-server"])] },
      "sg-server": { in: [rule(3000, ["sg-agent"])] },
    });
    expect(open.closed(AGENT, SERVER, 3000)).toBeUndefined();
  });

  it("is closed without the rule of either side, which the reason names", () => {
    const noIngress = network({ "sg-agent": { out: [rule(3000, ["sg-server"])] }, "sg-server": {} });
    expect(noIngress.closed(AGENT, SERVER, 3000)).toBe(
      "no ingress rule of sg-server lets TCP 3000 in from sg-agent",
    );
    const noEgress = network({ "sg-agent": {}, "sg-server": { in: [rule(3000, ["sg-agent"])] } });
    expect(noEgress.closed(AGENT, SERVER, 3000)).toBe(
      "no egress rule of sg-agent lets TCP 3000 out to sg-server",
    );
  });

  it.each([
    ["another port", rule(3001, ["sg-server"])],
    ["another protocol", rule(3000, ["sg-server"], "udp")],
    ["another group", rule(3000, ["sg-other"])],
    ["a block that holds one of its subnets alone", rule(3000, ["10.0.0.0/24"])],
    ["a smaller block", rule(3000, ["10.0.0.0/28"])],
    ["an IPv6 block", rule(3000, ["::/0"])],
  ])("is closed by a rule for %s", (_, out) => {
    const rules = { "sg-agent": { out: [out] }, "sg-server": { in: [rule(3000, ["sg-agent"])] } };
    expect(network(rules).closed(AGENT, SERVER, 3000)).toContain("no egress rule");
  });

  it.each([
    ["a block that holds its subnets", rule(3000, ["10.0.0.0/16"])],
    ["everything", rule(0, ["0.0.0.0/0"], "-1")],
    ["a range of ports", { ...rule(1, ["sg-server"]), ToPort: 65535 }],
  ])("is open by a rule for %s", (_, out) => {
    const rules = { "sg-agent": { out: [out] }, "sg-server": { in: [rule(3000, ["10.0.0.0/24"])] } };
    expect(network(rules).closed(AGENT, SERVER, 3000)).toBeUndefined();
  });

  it("is open when any group of several lets it through", () => {
    const rules = {
      "sg-agent": {},
      "sg-more": { out: [rule(3000, ["sg-server"])] },
      "sg-server": { in: [rule(3000, ["sg-agent"])] },
    };
    const place = { ...AGENT, securityGroups: ["sg-agent", "sg-more"] };
    expect(network(rules).closed(place, SERVER, 3000)).toBeUndefined();
  });

  it("to a block of addresses needs an egress rule that covers the whole block, and no ingress rule", () => {
    const rules = { "sg-agent": { out: [rule(5432, ["10.8.0.0/16"])] } };
    expect(network(rules).closed(AGENT, { cidr: "10.8.4.0/24" }, 5432)).toBeUndefined();
    expect(network(rules).closed(AGENT, { cidr: "10.0.0.0/8" }, 5432)).toContain("10.0.0.0/8");
  });
});

describe("a call of AWS", () => {
  const OUT = { "sg-agent": { out: [rule(443, ["0.0.0.0/0"])] } };
  const routes = (...Routes: Record<string, string>[]) => ({
    routeTables: [{ RouteTableId: "rtb-1", VpcId: "vpc-1", Associations: [{ Main: true }], Routes }],
  });
  const DEFAULT = { DestinationCidrBlock: "0.0.0.0/0" };
  const NAT = routes({ ...DEFAULT, NatGatewayId: "nat-1" });
  const interfaceEndpoint = (service: string, GroupId = "sg-endpoint") => ({
    VpcId: "vpc-1",
    VpcEndpointType: "Interface" as const,
    ServiceName: `com.amazonaws.${REGION}.${service}`,
    State: "Available" as const,
    PrivateDnsEnabled: true,
    SubnetIds: ["subnet-a"],
    Groups: [{ GroupId }],
  });

  it("leaves by a NAT gateway", () => {
    expect(network(OUT, NAT).closedToAws(AGENT, "logs")).toBeUndefined();
  });

  it("needs a route out of the VPC, also in the table that the subnet has of its own", () => {
    expect(network(OUT, routes()).closedToAws(AGENT, "logs")).toBe("subnet-a has no route out of the VPC");
    const [main] = NAT.routeTables;
    const own = { RouteTableId: "rtb-2", VpcId: "vpc-1", Associations: [{ SubnetId: "subnet-a" }] };
    const tables = network(OUT, { routeTables: [main!, own] });
    expect(tables.closedToAws(AGENT, "logs")).toContain("subnet-a");
    expect(tables.closedToAws({ ...AGENT, subnets: ["subnet-b"] }, "logs")).toBeUndefined();
  });

  it("needs a public address where the way out is an internet gateway", () => {
    const gateway = network(OUT, routes({ ...DEFAULT, GatewayId: "igw-1" }));
    expect(gateway.closedToAws(AGENT, "logs")).toContain("no public address");
    expect(gateway.closedToAws({ ...AGENT, publicIp: true }, "logs")).toBeUndefined();
  });

  it("needs egress on 443 to everywhere", () => {
    const narrow = { "sg-agent": { out: [rule(443, ["10.0.0.0/16"])] } };
    expect(network(narrow, NAT).closedToAws(AGENT, "logs")).toContain("no egress rule");
  });

  it("goes to the endpoint of its service and no other, when there is one", () => {
    const groups = { ...OUT, "sg-endpoint": { in: [rule(443, ["10.0.0.0/16"])] } };
    const closed = network(groups, { ...routes(), endpoints: [interfaceEndpoint("logs")] });
    expect(closed.closedToAws(AGENT, "logs")).toBeUndefined();
    expect(closed.closedToAws(AGENT, "secretsmanager")).toContain("no route");
  });

  it("is refused by an endpoint whose group doesn't let it in, even beside a NAT gateway", () => {
    const groups = { ...OUT, "sg-endpoint": {} };
    const beside = network(groups, { ...NAT, endpoints: [interfaceEndpoint("logs")] });
    expect(beside.closedToAws(AGENT, "logs")).toContain("no ingress rule of sg-endpoint");
  });

  it("reaches S3 by a gateway endpoint in the subnet's route table", () => {
    const gateway = {
      VpcId: "vpc-1",
      VpcEndpointType: "Gateway" as const,
      ServiceName: `com.amazonaws.${REGION}.s3`,
      RouteTableIds: ["rtb-1"],
    };
    const routed = network(OUT, { ...routes(), endpoints: [gateway] });
    expect(routed.closedToAws(AGENT, "s3")).toBeUndefined();
    const elsewhere = { ...gateway, RouteTableIds: ["rtb-9"] };
    expect(network(OUT, { ...routes(), endpoints: [elsewhere] }).closedToAws(AGENT, "s3")).toContain(
      "no route",
    );
  });
});
