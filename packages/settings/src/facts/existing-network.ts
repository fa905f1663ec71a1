import { Findings } from "@dbward-aws/dbward-config";
import { unreachableImage } from "../ecr.ts";
import { type Problem, placeOf, SettingsError } from "../problems.ts";
import type { Egress, ExistingNetworkSettings } from "../schema/network.ts";
import type { StageSettings } from "../stage-settings.ts";
import type { AccountFacts, NetworkFacts } from "./account-facts.ts";

/** A subnet of an existing network. */
export interface ExistingSubnet {
  readonly id: string;
  readonly availabilityZone: string;
}

/** An existing network with everything that a template needs. */
export interface ExistingNetwork {
  readonly vpcId: string;
  /** IPv4 blocks of the VPC. */
  readonly cidrs: readonly string[];
  /** Subnets of tasks, mount targets and the poller; one an availability zone. */
  readonly subnets: readonly ExistingSubnet[];
  /** Subnets of an internet-facing load balancer. */
  readonly publicSubnets: readonly ExistingSubnet[];
  readonly egress: Egress;
}

/**
 * The existing network of a stage, complete.
 *
 * @param facts @default - nothing is known but what is written
 * @throws SettingsError with everything that is unknown or contradicts the facts
 */
export function existingNetwork(settings: StageSettings, facts?: AccountFacts): ExistingNetwork {
  const { network, problems } = completeNetwork(settings, facts);
  if (network) return network;
  throw new SettingsError(
    settings.stage,
    problems.map(({ where, message }) => ({ where: placeOf(settings.stage, where), message })),
  );
}

/** What {@link completeNetwork} finds. */
export interface CompletedNetwork {
  /** The network; `undefined` when there are problems. */
  readonly network?: ExistingNetwork;
  /** Their places are paths of the stage, such as `network.cidr`. */
  readonly problems: readonly Problem[];
}

/**
 * Completes the settings of an existing network with facts of the account. Contradictions are problems, and so are values that neither
 * has.
 *
 * @param facts @default - nothing is known but what is written
 */
export function completeNetwork(settings: StageSettings, facts?: AccountFacts): CompletedNetwork {
  const { network: written } = settings;
  if (written.kind !== "existing") return { problems: [] };
  const known = facts?.network;
  const findings = new Findings();
  const context: Context = { settings, written, known, source: facts?.source ?? "the settings", findings };
  if (known && known.vpcId !== written.vpcId) {
    findings.refuse(
      "network.vpcId",
      `is ${written.vpcId}, but ${context.source} has ${known.vpcId}. ${renew(context)}`,
    );
    return findings;
  }
  const cidrs = blocksOf(context);
  const subnets = completeSubnets("subnets", context);
  const publicSubnets = completeSubnets("publicSubnets", context);
  const egress = egressOf(context);
  refuseSameZone(subnets, context);
  checkPublicSubnets(publicSubnets, context);
  if (egress === "endpoints") checkImages(context);
  if (findings.problems.length > 0 || cidrs === undefined || egress === undefined) return findings;
  return { network: { vpcId: written.vpcId, cidrs, subnets, publicSubnets, egress }, problems: [] };
}

interface Context {
  readonly settings: StageSettings;
  readonly written: ExistingNetworkSettings;
  readonly known: NetworkFacts | undefined;
  /** Where `known` comes from. */
  readonly source: string;
  readonly findings: Findings;
}

function renew({ settings }: Context): string {
  return `To look it up, run: pnpm ops lookup --stage ${settings.stage}`;
}

function blocksOf(context: Context): readonly string[] | undefined {
  const { written, known, source, findings } = context;
  const blocks = typeof written.cidr === "string" ? [written.cidr] : written.cidr;
  if (known === undefined && blocks === undefined)
    findings.refuse("network.cidr", `is not known. ${renew(context)}, or write it into the settings`);
  if (known === undefined || blocks === undefined) return known?.cidrs ?? blocks;
  const list = (of: readonly string[]) => [...of].sort().join(", ");
  if (list(blocks) !== list(known.cidrs))
    findings.refuse(
      "network.cidr",
      `is ${list(blocks)}, and ${written.vpcId} has ${list(known.cidrs)} (${source}): security groups made for other ` +
        "blocks would let nobody through. Leave it out: it is looked up",
    );
  return known.cidrs;
}

function completeSubnets(setting: "subnets" | "publicSubnets", context: Context): ExistingSubnet[] {
  const { written, known, source, findings } = context;
  return written[setting].flatMap(({ id, availabilityZone }, index) => {
    const path = `network.${setting}.${index}`;
    const facts = known?.subnets[id];
    if (known && !facts) findings.refuse(path, `is ${id}, which ${source} doesn't have`);
    else if (facts && facts.vpcId !== written.vpcId)
      findings.refuse(path, `is ${id}, which is in ${facts.vpcId}, not in ${written.vpcId} (${source})`);
    else if (facts && availabilityZone !== undefined && facts.availabilityZone !== availabilityZone)
      findings.refuse(
        `${path}.availabilityZone`,
        `is ${availabilityZone}, but ${id} is in ${facts.availabilityZone} (${source}). Leave it out: it is looked up`,
      );
    const zone = facts?.availabilityZone ?? availabilityZone;
    if (!known && zone === undefined)
      findings.refuse(
        path,
        `is ${id}, whose availability zone is not known. ${renew(context)}, or write { id, availabilityZone }`,
      );
    return zone === undefined ? [] : [{ id, availabilityZone: zone }];
  });
}

function refuseSameZone(subnets: readonly ExistingSubnet[], { findings }: Context): void {
  for (const [index, { id, availabilityZone }] of subnets.entries()) {
    const other = subnets.slice(0, index).find((subnet) => subnet.availabilityZone === availabilityZone);
    if (other)
      findings.refuse(
        "network.subnets",
        `has ${other.id} and ${id} in ${availabilityZone}: EFS allows one mount target for each zone. Name one subnet for each zone`,
      );
  }
}

/** Descriptions of where the subnets' default routes lead. */
const ROUTES: Readonly<Record<Egress, string>> = {
  nat: "a default route to something other than an internet gateway, such as a NAT gateway",
  public: "a route to an internet gateway",
  endpoints: "no default route",
};

/** The egress of the settings, or the one that the default routes of all task subnets have. */
function egressOf(context: Context): Egress | undefined {
  const { written, known, source, findings } = context;
  const found = written.subnets.flatMap(({ id }) => {
    const facts = known?.subnets[id];
    return facts ? [{ id, egress: facts.egress }] : [];
  });
  const [first] = found;
  if (written.egress === undefined) {
    const other = found.find(({ egress }) => egress !== first?.egress);
    if (first && other)
      findings.refuse(
        "network.subnets",
        `have different default routes: ${first.id} has ${ROUTES[first.egress]}, ${other.id} has ${ROUTES[other.egress]} (${source}). ` +
          "Name subnets with the same kind of route, or set network.egress",
      );
    if (!first && !known)
      findings.refuse(
        "network.egress",
        `is not known. ${renew(context)}, or write "nat", "endpoints" or "public" into the settings`,
      );
    return first?.egress;
  }
  for (const { id, egress } of found) {
    const remedy = REMEDIES[written.egress][egress];
    if (remedy !== undefined)
      findings.refuse(
        "network.egress",
        `is "${written.egress}", but ${id} has ${ROUTES[egress]} (${source}). ${remedy}`,
      );
  }
  return written.egress;
}

/** What to do when the default route of a subnet does not fit the setting. Endpoints fit every route. */
const REMEDIES: Readonly<Record<Egress, Partial<Record<Egress, string>>>> = {
  endpoints: {},
  nat: {
    public:
      'An internet gateway serves only public addresses, which tasks do not have with "nat": name private subnets, or write "public"',
    endpoints:
      'Tasks could not reach AWS: add a NAT gateway and a route to it, or make VPC endpoints and write "endpoints"',
  },
  public: {
    nat: 'Public addresses have no effect there: write "nat"',
    endpoints:
      'Public addresses have no effect there: add the route, or make VPC endpoints and write "endpoints"',
  },
};

function checkPublicSubnets(publicSubnets: readonly ExistingSubnet[], context: Context): void {
  const { settings, known, source, findings } = context;
  for (const { id } of publicSubnets)
    if (known?.subnets[id] && known.subnets[id].egress !== "public")
      findings.refuse(
        "network.publicSubnets",
        `has ${id}, which has no route to an internet gateway (${source}): a load balancer in it can't be reached from the ` +
          "internet. Name a public subnet",
      );
  const zones = new Set(publicSubnets.map(({ availabilityZone }) => availabilityZone));
  if (
    settings.server.loadBalancer?.scheme === "internet-facing" &&
    publicSubnets.length > 1 &&
    zones.size < 2
  )
    findings.refuse(
      "network.publicSubnets",
      `are all in ${[...zones].join("")}: a load balancer needs two availability zones`,
    );
}

/** With an egress in the settings, these are already reported by the checks of the settings. */
function checkImages({ settings: { server, agents }, written, source, findings }: Context): void {
  if (written.egress !== undefined) return;
  const cause = `the subnets have no default route (${source})`;
  for (const [path, { image }] of [
    ["server", server] as const,
    ...agents.map((agent, index) => [`agents.${index}`, agent] as const),
  ]) {
    const problem = unreachableImage(image, cause, "name subnets with a NAT gateway");
    if (problem) findings.refuse(`${path}.image.repository`, problem);
  }
}
