import { z } from "zod";
import { cidr, egress, subnetId, vpcId } from "../schema/fields.ts";
import type { StageSettings } from "../stage-settings.ts";
import type { AccountFacts } from "./account-facts.ts";
import { existingNetwork } from "./existing-network.ts";

/** Output of the State stack with the network of the deployment, as JSON. */
export const NETWORK_OUTPUT = "DeployedNetwork";

const record = z.union([
  z.object({
    kind: z.literal("new"),
    cidr,
    availabilityZones: z.int(),
    egress,
    /** Whether a load balancer stands in the public subnets. */
    publicSubnets: z.boolean(),
  }),
  z.object({ kind: z.literal("existing"), vpcId, zones: z.record(subnetId, z.string()) }),
]);

/** The properties of a deployed network that a later deployment is compared with. */
type NetworkRecord = z.output<typeof record>;

/**
 * The record of a network, for the output of its stack.
 *
 * @param facts of the account, when the network is an existing one
 */
export function networkRecord(settings: StageSettings, facts?: AccountFacts): string {
  return JSON.stringify(recordOf(settings, facts));
}

function recordOf(settings: StageSettings, facts?: AccountFacts): NetworkRecord {
  const { network, server } = settings;
  if (network.kind === "new") {
    const { cidr, availabilityZones, egress } = network;
    const publicSubnets = server.loadBalancer?.scheme === "internet-facing";
    return { kind: "new", cidr, availabilityZones, egress, publicSubnets };
  }
  const { vpcId, subnets } = existingNetwork(settings, facts);
  const zones = Object.fromEntries(subnets.map(({ id, availabilityZone }) => [id, availabilityZone]));
  return { kind: "existing", vpcId, zones };
}

/** The consequences of a change of the network, as sentences. */
export interface NetworkChange {
  /** Changes that are not possible. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Compares the network of a deployed stage with that of its settings.
 *
 * @param deployed what {@link networkRecord} made at the last deployment
 * @param facts of the account, when the network is an existing one
 * @throws SettingsError when the existing network can't be completed by the facts
 */
export function networkChange(
  deployed: string,
  settings: StageSettings,
  facts?: AccountFacts,
): NetworkChange {
  const before = parse(deployed);
  const after = recordOf(settings, facts);
  if (before === undefined) return { problems: [], warnings: [] };
  if (before.kind === "new" && after.kind === "new") return changeOfNew(before, after);
  if (before.kind === "existing" && after.kind === "existing") return changeOfExisting(before, after);
  return before.kind === "new"
    ? { problems: [`network.vpcId can't be set: the stage has its own VPC. ${MOVE}`], warnings: [] }
    : {
        problems: [`network.vpcId can't be left out: the stage is in ${before.vpcId}. ${MOVE}`],
        warnings: [],
      };
}

function parse(text: string): NetworkRecord | undefined {
  try {
    return record.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const MOVE =
  "The file system's mount targets, the security groups and the name of the server belong to one VPC. To move the stage, remove it " +
  "(the file system and the bucket stay), then deploy it in the other network with the file system that was kept";

type NewRecord = Extract<NetworkRecord, { kind: "new" }>;
type ExistingRecord = Extract<NetworkRecord, { kind: "existing" }>;

function changeOfNew(before: NewRecord, after: NewRecord): NetworkChange {
  const problems: string[] = [];
  if (before.cidr !== after.cidr)
    problems.push(`network.cidr can't become ${after.cidr}: the stage's VPC has ${before.cidr}. ${MOVE}`);
  if (before.availabilityZones > after.availabilityZones)
    problems.push(
      `network.availabilityZones can't go from ${before.availabilityZones} to ${after.availabilityZones}: a subnet in which tasks and ` +
        `mount targets are can't be deleted. Keep ${before.availabilityZones}`,
    );
  const usesPublic = ({ egress, publicSubnets }: NewRecord) => egress === "public" || publicSubnets;
  if (usesPublic(before) && after.egress === "endpoints" && !after.publicSubnets)
    problems.push(
      `network.egress can't become "endpoints" in this deployment: it would delete the public subnets, in which ` +
        `${before.publicSubnets ? "the load balancer is" : "tasks run"}. Deploy with "nat" first, then with "endpoints"`,
    );
  const warnings =
    before.egress === after.egress
      ? []
      : [
          `network.egress goes from "${before.egress}" to "${after.egress}": until the tasks are replaced, for some minutes, they may ` +
            "reach nothing outside the VPC",
        ];
  return { problems, warnings };
}

function changeOfExisting(before: ExistingRecord, after: ExistingRecord): NetworkChange {
  if (before.vpcId !== after.vpcId)
    return {
      problems: [`network.vpcId can't become ${after.vpcId}: the stage is in ${before.vpcId}. ${MOVE}`],
      warnings: [],
    };
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [id, zone] of Object.entries(before.zones)) {
    if (id in after.zones) continue;
    const [other] = Object.entries(after.zones).find(([, each]) => each === zone) ?? [];
    if (other !== undefined)
      problems.push(
        `network.subnets can't have ${other} in place of ${id}: EFS allows one mount target for each zone, and the one of ${zone} is in ${id}. ` +
          `Deploy without a subnet in ${zone} first, then with ${other}`,
      );
    else
      warnings.push(
        `network.subnets no longer has ${id}: its mount target is deleted. A server that runs in ${zone} can't reach its state until its ` +
          "own stack is updated, some minutes later",
      );
  }
  return { problems, warnings };
}
