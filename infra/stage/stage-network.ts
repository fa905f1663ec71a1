import {
  type AccountFacts,
  type ExistingSubnet,
  existingNetwork,
  type NewNetworkSettings,
  type StageSettings,
} from "@dbward-aws/settings";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import type * as kms from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { Egress } from "../network/egress.ts";
import { NewNetwork } from "../network/new-network.ts";

/** Where the parts of a stage run, with the members of a `NewNetwork`. */
export interface StageNetwork
  extends Pick<NewNetwork, "cidrs" | "taskSubnets" | "internalSubnets" | "publicSubnets" | "assignPublicIp"> {
  readonly vpc: ec2.IVpc;
}

const EGRESS: Readonly<Record<NewNetworkSettings["egress"], () => Egress>> = {
  nat: Egress.nat,
  endpoints: Egress.endpoints,
  public: Egress.publicAddresses,
};

/**
 * The network that the settings describe.
 *
 * @param facts of the account, when the settings name an existing network by its ids alone
 * @throws SettingsError when something of an existing network is not known
 */
export function stageNetwork(
  scope: Construct,
  id: string,
  settings: StageSettings,
  facts: AccountFacts | undefined,
  encryptionKey: kms.IKey | undefined,
): StageNetwork {
  const { network, server } = settings;
  if (network.kind === "new")
    return new NewNetwork(scope, id, {
      cidr: network.cidr,
      availabilityZones: network.availabilityZones,
      egress: EGRESS[network.egress](),
      publicSubnets: server.loadBalancer?.scheme === "internet-facing",
      ...(encryptionKey && { encryptionKey }),
    });
  const { vpcId, cidrs, subnets, publicSubnets, egress } = existingNetwork(settings, facts);
  const imported = (kind: string, list: readonly ExistingSubnet[]) => ({
    subnets: list.map((subnet) =>
      ec2.Subnet.fromSubnetAttributes(scope, `${id}-${kind}-${subnet.id}`, {
        subnetId: subnet.id,
        availabilityZone: subnet.availabilityZone,
      }),
    ),
  });
  const taskSubnets = imported("Task", subnets);
  return {
    vpc: ec2.Vpc.fromVpcAttributes(scope, `${id}-Vpc`, {
      vpcId,
      vpcCidrBlock: cidrs[0]!,
      availabilityZones: subnets.map(({ availabilityZone }) => availabilityZone),
    }),
    cidrs,
    taskSubnets,
    internalSubnets: taskSubnets,
    ...(publicSubnets.length > 0 && { publicSubnets: imported("Public", publicSubnets) }),
    assignPublicIp: egress === "public",
  };
}
