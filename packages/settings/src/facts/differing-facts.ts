import type { StageSettings } from "../stage-settings.ts";
import type { AccountFacts, NetworkFacts } from "./account-facts.ts";

/**
 * Compares the facts of an earlier lookup with the account, as far as the settings need them.
 *
 * @returns sentences with the remedy
 */
export function differingFacts(
  { network, stage }: StageSettings,
  before: AccountFacts,
  now: AccountFacts,
): string[] {
  return [...differingNetwork(network, before, now), ...differingKeys(before, now)].map(
    ([what, was, is]) =>
      `${before.source} has ${was} for ${what}, but ${now.source} has ${is}. Run: pnpm ops lookup --stage ${stage}`,
  );
}

type Difference = readonly [what: string, was: string, is: string];

/** Without a key that exists, a role could not decrypt; a key that no longer exists does no harm. */
function differingKeys(before: AccountFacts, now: AccountFacts): Difference[] {
  return Object.entries(now.keys ?? {}).flatMap(([name, key]) => {
    const was = before.keys?.[name];
    return was === key ? [] : [[`the key of ${name}`, was ?? "none", key] as const];
  });
}

function differingNetwork(
  network: StageSettings["network"],
  before: AccountFacts,
  now: AccountFacts,
): Difference[] {
  if (network.kind !== "existing" || !before.network || !now.network) return [];
  const [old, current] = [before.network, now.network];
  const differing: Difference[] = [
    ["the VPC", old.vpcId, current.vpcId],
    [
      `the blocks of ${current.vpcId}`,
      [...old.cidrs].sort().join(", "),
      [...current.cidrs].sort().join(", "),
    ],
    ...[...network.subnets, ...network.publicSubnets].map(
      ({ id }): Difference => [id, describe(old.subnets[id]), describe(current.subnets[id])],
    ),
  ];
  return differing.filter(([, was, is]) => was !== is);
}

function describe(subnet: NetworkFacts["subnets"][string] | undefined): string {
  return subnet
    ? `zone ${subnet.availabilityZone}, egress "${subnet.egress}", in ${subnet.vpcId}`
    : "nothing";
}
