import { DbwardError } from "@dbward-aws/core";
import { type AccountFacts, accountFacts, SettingsError, type StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "../aws-clients.ts";
import { readAccount } from "../identity.ts";
import {
  blocksOf,
  type DescribedNetwork,
  describeNetwork,
  egressOf,
  routeTableOf,
} from "./describe-network.ts";
import { type KeyClients, lookUpKeys } from "./look-up-keys.ts";

/**
 * Asks the account for what the settings name by an id alone.
 *
 * @throws SettingsError when it isn't there
 * @throws AwsCallError when the account can't be asked
 */
export async function lookUpFacts(
  settings: StageSettings,
  clients: KeyClients & Pick<AwsClients, "ec2" | "sts">,
): Promise<AccountFacts> {
  const { network, stage } = settings;
  const found = await lookUpKeys(settings, clients);
  const keys = Object.keys(found).length > 0 ? { keys: found } : {};
  const source = await placeOf(clients);
  if (network.kind !== "existing") return { ...keys, source };
  const described = await describeNetwork(network, clients);
  if (!described)
    throw new SettingsError(stage, [
      {
        where: `dbward.config.ts: stages.${stage}.network.vpcId`,
        message: `is ${network.vpcId}, which isn't in ${source}`,
      },
    ]);
  return { ...factsOf(source, described), ...keys };
}

/** The account and region that the clients speak to, in words. */
async function placeOf({ sts }: Pick<AwsClients, "sts">): Promise<string> {
  return `account ${await readAccount(sts)} in ${await sts.config.region()}`;
}

/**
 * What a template needs to know of an existing network.
 *
 * @param source where the description comes from
 * @throws DbwardError when the description is not one that AWS makes
 */
export function factsOf(source: string, { vpc, subnets, routeTables }: DescribedNetwork): AccountFacts {
  const parsed = accountFacts.safeParse({
    network: {
      vpcId: vpc.VpcId,
      cidrs: blocksOf(vpc),
      subnets: Object.fromEntries(
        [...subnets].map(([id, { VpcId, AvailabilityZone }]) => [
          id,
          {
            vpcId: VpcId,
            availabilityZone: AvailabilityZone,
            egress: egressOf(routeTableOf(id, routeTables)),
          },
        ]),
      ),
    },
  });
  if (parsed.success) return { ...parsed.data, source };
  const [issue] = parsed.error.issues;
  throw new DbwardError(
    "aws-call-failed",
    `The answer of EC2 about ${vpc.VpcId} can't be used: ${issue!.path.join(".")} ${issue!.message}.`,
    { hint: "See that AWS_ENDPOINT_URL, when it is set, leads to AWS." },
  );
}
