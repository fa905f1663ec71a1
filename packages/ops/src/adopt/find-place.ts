import { paginateDescribeSecurityGroups, paginateDescribeSubnets } from "@aws-sdk/client-ec2";
import { DescribeMountTargetSecurityGroupsCommand, DescribeMountTargetsCommand } from "@aws-sdk/client-efs";
import { UsageError } from "@dbward-aws/cli";
import { type AwsClients, during, everyItem } from "@dbward-aws/stage";
import type { HandRun } from "./hand-run.ts";

/** Where a manual deployment is, as a stage needs to know it. */
export interface FormerPlace {
  readonly vpcId: string;
  /** One a zone, two at least. */
  readonly subnets: readonly string[];
  /** Security group of the file system's mount targets. */
  readonly mountTargetGroup: string;
  /** Those of {@link subnets} whose zone has no mount target yet. */
  readonly withoutMountTarget: readonly string[];
  /** Security groups, by the names of the agents, that let the agent in at its database's port. */
  readonly databaseGroups: ReadonlyMap<string, readonly string[]>;
}

/**
 * Looks up where a manual deployment is.
 *
 * @param named subnets that the command line names. @default - those of the stacks
 * @throws UsageError when a stage can't be there; AwsCallError
 */
export async function findPlace(
  clients: AwsClients,
  { server, agents }: HandRun,
  named: readonly string[] = [],
): Promise<FormerPlace> {
  const { fileSystemId } = server;
  const { MountTargets = [] } = await during(
    `Listing the mount targets of ${fileSystemId}`,
    clients.efs.send(new DescribeMountTargetsCommand({ FileSystemId: fileSystemId })),
  );
  const [first] = MountTargets;
  if (!first)
    throw new UsageError(
      `File system ${fileSystemId} has no mount target, so no server can have it mounted.`,
      "Check that the stacks are complete.",
    );
  const { SecurityGroups: [mountTargetGroup] = [] } = await during(
    `Looking up the security groups of ${first.MountTargetId}`,
    clients.efs.send(new DescribeMountTargetSecurityGroupsCommand({ MountTargetId: first.MountTargetId })),
  );
  const candidates =
    named.length > 0 ? named : [...new Set([...server.subnets, ...agents.flatMap(({ subnets }) => subnets)])];
  const described = await during(
    "Looking up the subnets",
    everyItem(
      paginateDescribeSubnets(
        { client: clients.ec2 },
        { Filters: [{ Name: "subnet-id", Values: [...candidates] }] },
      ),
      ({ Subnets }) => Subnets,
    ),
  );
  const zones = new Map<string, string>();
  for (const id of candidates) {
    const zone = described.find(({ SubnetId }) => SubnetId === id)?.AvailabilityZone;
    if (zone !== undefined && !zones.has(zone)) zones.set(zone, id);
  }
  if (zones.size < 2)
    throw new UsageError(
      `A stage needs subnets in two zones, and the stacks have ${candidates.join(", ")} in ${[...zones.keys()].join(", ") || "none"}.`,
      "Name one subnet of each of two or three zones with --subnets; they must be in the VPC of the file system's mount targets.",
    );
  const vpcId = described[0]?.VpcId ?? "";
  const mounted = new Set(MountTargets.map(({ AvailabilityZoneName }) => AvailabilityZoneName));
  return {
    vpcId,
    subnets: [...zones.values()],
    mountTargetGroup: mountTargetGroup ?? "",
    withoutMountTarget: [...zones].filter(([zone]) => !mounted.has(zone)).map(([, id]) => id),
    databaseGroups: await findDatabaseGroups(clients, vpcId, agents),
  };
}

/** Groups with a rule that lets an agent in: what somebody opened by hand. */
async function findDatabaseGroups(
  { ec2 }: AwsClients,
  vpcId: string,
  agents: HandRun["agents"],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const groups = await during(
    "Looking up the security groups",
    everyItem(
      paginateDescribeSecurityGroups({ client: ec2 }, { Filters: [{ Name: "vpc-id", Values: [vpcId] }] }),
      ({ SecurityGroups }) => SecurityGroups,
    ),
  );
  return new Map(
    agents.map(({ name, databasePort, securityGroups }) => [
      name,
      groups
        .filter(({ IpPermissions = [] }) =>
          IpPermissions.some(
            ({ FromPort = 0, ToPort = 65_535, UserIdGroupPairs = [] }) =>
              FromPort <= databasePort &&
              databasePort <= ToPort &&
              UserIdGroupPairs.some(({ GroupId = "" }) => securityGroups.includes(GroupId)),
          ),
        )
        .flatMap(({ GroupId }) => (GroupId ? [GroupId] : [])),
    ]),
  );
}
