import { DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import {
  DescribeSecurityGroupsCommand,
  DescribeVpcPeeringConnectionsCommand,
  type IpPermission,
  type SecurityGroup,
} from "@aws-sdk/client-ec2";
import { stageNames } from "@dbward-aws/contract";
import type { DatabaseSettings, StageSettings } from "@dbward-aws/settings";
import { type AwsClients, during, routeTableOf } from "@dbward-aws/stage";
import type { CheckedNetwork } from "./check-network.ts";
import { DEFAULT_RULES, RULES_QUOTA } from "./check-rule-counts.ts";
import type { PreflightFindings } from "./findings.ts";

interface Use {
  /** Path of the setting, in words. */
  readonly setting: string;
  readonly groupId: string;
}

/** The agents can reach the security groups of their databases, and these have room for the rules that let the agents in. */
export async function checkDatabases(
  settings: StageSettings,
  network: CheckedNetwork,
  isDeployed: boolean,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  if (!isDeployed) warnOfClosedDatabases(settings, network, findings);
  const uses = settings.agents.flatMap((agent) =>
    agent.databases.flatMap(({ variable, securityGroupId: groupId }): Use[] =>
      groupId === undefined ? [] : [{ setting: `database ${variable} of agent ${agent.name}`, groupId }],
    ),
  );
  const groups = await findGroups([...new Set(uses.map(({ groupId }) => groupId))], clients);
  const vpcId = uses.length > 0 ? await vpcOf(settings, isDeployed, clients) : undefined;
  for (const { setting, groupId } of uses) {
    const group = groups.get(groupId);
    if (!group)
      findings.refuse(
        `Security group ${groupId} (${setting}) isn't in ${network.facts.source}. For a database of another account or region name its ` +
          "cidrs, and let its owner admit the agent",
      );
    else if (group.VpcId !== vpcId)
      await checkPeering({ setting, groupId }, group, vpcId, network, clients, findings);
  }
  for (const [groupId, { IpPermissions = [] }] of groups) {
    const added = isDeployed ? 0 : uses.filter((use) => use.groupId === groupId).length;
    const rules = IpPermissions.reduce((sum, permission) => sum + rulesIn(permission), added);
    if (rules > DEFAULT_RULES)
      findings.warn(
        `Security group ${groupId} of a database would have ${rules} inbound rules, and the default limit is ${DEFAULT_RULES}: unless the account ` +
          `has a larger ${RULES_QUOTA}, the deployment of the agents fails`,
      );
  }
}

async function findGroups(ids: readonly string[], { ec2 }: AwsClients): Promise<Map<string, SecurityGroup>> {
  if (ids.length === 0) return new Map();
  // A filter finds what is there; asking by id would fail as a whole when one of them is missing.
  const { SecurityGroups = [] } = await during(
    "Looking up the security groups of the databases",
    ec2.send(new DescribeSecurityGroupsCommand({ Filters: [{ Name: "group-id", Values: [...ids] }] })),
  );
  return new Map(SecurityGroups.map((group) => [group.GroupId!, group]));
}

/** The stage's VPC; `undefined` when the deployment is to create it. */
async function vpcOf(
  { network, stage }: StageSettings,
  isDeployed: boolean,
  { cloudFormation }: AwsClients,
): Promise<string | undefined> {
  if (network.kind === "existing") return network.vpcId;
  if (!isDeployed) return undefined;
  const { StackResources = [] } = await during(
    "Looking up the stage's VPC",
    cloudFormation.send(new DescribeStackResourcesCommand({ StackName: stageNames(stage).stack("State") })),
  );
  return StackResources.find(({ ResourceType }) => ResourceType === "AWS::EC2::VPC")?.PhysicalResourceId;
}

/** Groups can refer to each other inside of a VPC, and across a peering connection. */
async function checkPeering(
  { setting, groupId }: Use,
  group: SecurityGroup,
  vpcId: string | undefined,
  { existing, described }: CheckedNetwork,
  { ec2 }: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const where = `Security group ${groupId} (${setting}) is in ${group.VpcId}`;
  const choices = `deploy into ${group.VpcId} (network.vpcId), peer the two VPCs, or name the database's cidrs in place of the group`;
  if (vpcId === undefined) {
    findings.refuse(`${where}, and the stage's VPC does not exist yet: ${choices}`);
    return;
  }
  const { VpcPeeringConnections = [] } = await during(
    "Looking up the peering connections",
    ec2.send(
      new DescribeVpcPeeringConnectionsCommand({
        Filters: [{ Name: "status-code", Values: ["active"] }],
      }),
    ),
  );
  const peering = VpcPeeringConnections.find(({ AccepterVpcInfo, RequesterVpcInfo }) => {
    const ends = [AccepterVpcInfo?.VpcId, RequesterVpcInfo?.VpcId];
    return ends.includes(vpcId) && ends.includes(group.VpcId);
  });
  if (!peering) {
    findings.refuse(`${where}, which has no active peering connection with ${vpcId}: ${choices}`);
    return;
  }
  const id = peering.VpcPeeringConnectionId;
  const cutOff = (existing?.subnets ?? []).filter(
    (subnet) =>
      !routeTableOf(subnet.id, described?.routeTables ?? [])?.Routes?.some(
        ({ VpcPeeringConnectionId, State }) => VpcPeeringConnectionId === id && State !== "blackhole",
      ),
  );
  if (cutOff.length > 0)
    findings.refuse(
      `${where}, peered by ${id}, and the route tables of ${cutOff.map((subnet) => subnet.id).join(", ")} have no route to it. Add one`,
    );
}

function rulesIn({ IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs }: IpPermission): number {
  return [IpRanges, Ipv6Ranges, PrefixListIds, UserIdGroupPairs].reduce(
    (sum, list) => sum + (list?.length ?? 0),
    0,
  );
}

/** A database in the same VPC has its own security group, which only its owner can open. */
function warnOfClosedDatabases(
  { agents }: StageSettings,
  { existing }: CheckedNetwork,
  findings: PreflightFindings,
): void {
  if (!existing) return;
  const isClosed = ({ securityGroupId, cidrs }: DatabaseSettings) =>
    securityGroupId === undefined && cidrs === undefined;
  for (const { name, databases } of agents)
    for (const database of databases.filter(isClosed))
      findings.warn(
        `Nothing opens the security group of database ${database.variable} to agent ${name}: name it in securityGroupId and the deployment ` +
          "adds the rule. An agent that can't reach its database does not become healthy, and the deployment of the agents fails",
      );
}
