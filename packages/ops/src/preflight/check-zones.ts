import {
  type AvailabilityZone,
  DescribeAvailabilityZonesCommand,
  DescribeSubnetsCommand,
} from "@aws-sdk/client-ec2";
import type { StageSettings } from "@dbward-aws/settings";
import { type AwsClients, during } from "@dbward-aws/stage";
import type { CheckedNetwork } from "./check-network.ts";
import type { PreflightFindings } from "./findings.ts";

/**
 * Zones in which Fargate runs Linux tasks, by id, for the regions where that is not all of them.
 * From "Supported Regions for Amazon ECS on AWS Fargate" of the ECS developer guide.
 */
const FARGATE_ZONES: Readonly<Record<string, readonly string[]>> = {
  "us-west-1": ["usw1-az1", "usw1-az3"],
  "ap-northeast-1": ["apne1-az1", "apne1-az2", "apne1-az4"],
  "cn-north-1": ["cnn1-az1", "cnn1-az2"],
};

/** Every zone of the stage offers Fargate and EFS, and the region has as many as the settings ask for. */
export async function checkZones(
  settings: StageSettings,
  { existing }: CheckedNetwork,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const { network } = settings;
  if (network.kind === "existing" && !existing) return;
  const region = await clients.ec2.config.region();
  const { AvailabilityZones: zones = [] } = await during(
    "Looking up the region's availability zones",
    clients.ec2.send(new DescribeAvailabilityZonesCommand({})),
  );
  const byName = new Map(zones.map((zone) => [zone.ZoneName, zone]));

  if (existing) {
    for (const { id, availabilityZone } of existing.subnets) {
      const problem = problemOf(byName.get(availabilityZone), region);
      if (problem)
        findings.refuse(
          `Subnet ${id} (network.subnets) is in ${availabilityZone}, ${problem}. Name another subnet`,
        );
    }
    return;
  }
  if (network.kind !== "new") return;
  const offered = await zonesForNewVpc(zones, clients);
  if (offered.length < network.availabilityZones) {
    findings.refuse(
      `network.availabilityZones is ${network.availabilityZones}, and a new VPC can have ${offered.length} in ${region}: ${offered.join(", ")}`,
    );
    return;
  }
  for (const name of offered.slice(0, network.availabilityZones)) {
    const problem = problemOf(byName.get(name), region);
    if (problem)
      findings.refuse(
        `CloudFormation would put a subnet of the new VPC into ${name}, ${problem}. Deploy into an existing VPC (network.vpcId) with ` +
          "subnets in other zones",
      );
  }
}

/** What keeps a zone from being used; nothing for one that isn't listed, such as a zone that is being retired. */
function problemOf(zone: AvailabilityZone | undefined, region: string): string | undefined {
  if (!zone) return undefined;
  const { ZoneType = "availability-zone", ZoneId = "" } = zone;
  if (ZoneType !== "availability-zone")
    return `a ${ZoneType.replace("-", " ")}, which has neither Fargate nor EFS`;
  const withFargate = FARGATE_ZONES[region];
  return withFargate && !withFargate.includes(ZoneId)
    ? `where Fargate is not offered (${ZoneId}; in ${region} it is in ${withFargate.join(", ")})`
    : undefined;
}

/**
 * The zones that `Fn::GetAZs` returns, in its order: those with a default subnet, and all when none has one.
 * From the reference of `Fn::GetAZs`.
 */
async function zonesForNewVpc(
  zones: readonly AvailabilityZone[],
  { ec2 }: AwsClients,
): Promise<readonly string[]> {
  const { Subnets = [] } = await during(
    "Looking up the default subnets",
    ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: "default-for-az", Values: ["true"] }] })),
  );
  const regular = zones
    .filter(({ ZoneType = "availability-zone" }) => ZoneType === "availability-zone")
    .flatMap(({ ZoneName }) => (ZoneName === undefined ? [] : [ZoneName]))
    .sort();
  const withDefault = new Set(Subnets.map(({ AvailabilityZone }) => AvailabilityZone));
  const preferred = regular.filter((name) => withDefault.has(name));
  return preferred.length > 0 ? preferred : regular;
}
