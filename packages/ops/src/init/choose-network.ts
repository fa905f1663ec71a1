import { UsageError } from "@dbward-aws/cli";
import type { Egress } from "@dbward-aws/settings";
import type { AccountOffers, Listed, SubnetOffer } from "./account-offers.ts";
import type { Answers } from "./answers.ts";
import type { DatabaseChoice, NetworkChoice, StageOptions } from "./stage-choices.ts";
import { listOf, SUBNET_IDS, VPC_ID } from "./typed-answers.ts";

const NEW = "new";

/**
 * Where a stage is deployed: the VPC of the database, another one, or a new one.
 *
 * @returns `undefined` when an option is needed
 */
export async function chooseNetwork(
  options: StageOptions,
  database: DatabaseChoice | undefined,
  offers: AccountOffers,
  answers: Answers,
): Promise<NetworkChoice | undefined> {
  const ofDatabase = database?.offer?.vpcId;
  const vpc = options.newVpc ? NEW : (options.vpc ?? ofDatabase ?? (await chooseVpc(offers, answers)));
  if (vpc === undefined) {
    if (options.subnets === undefined)
      answers.needs("--subnets IDs, at least two in different Availability Zones");
    return undefined;
  }
  if (vpc === NEW) {
    const egress =
      options.egress ??
      (await answers.questions?.choose<Egress>("How do tasks reach AWS and the internet?", [
        { value: "nat", label: "Through NAT gateways", hint: "one for each zone, about 32 USD a month each" },
        { value: "public", label: "By public addresses", hint: "for experiments" },
      ]));
    return { egress: egress ?? "nat" };
  }
  if (options.vpc === undefined && vpc === ofDatabase)
    answers.questions?.say(`The stage is deployed beside the database, into ${vpc}.`);
  const subnets =
    options.subnets !== undefined
      ? listOf(options.subnets)
      : await chooseSubnets(vpc, await offers.subnets(vpc), answers);
  return subnets && { vpcId: vpc, subnets };
}

async function chooseVpc(offers: AccountOffers, answers: Answers): Promise<string | undefined> {
  return answers.one({
    option: "--vpc ID or --new-vpc",
    message: "Which VPC?",
    listed: await offers.vpcs(),
    choiceOf: ({ id, name, cidr }) => ({
      value: id,
      label: name ?? id,
      hint: name ? `${id}, ${cidr}` : cidr,
    }),
    others: answers.questions ? [{ value: NEW, label: "A new one, which the deployment creates" }] : [],
    check: VPC_ID,
  });
}

const WAYS_OUT: Readonly<Record<Egress, string>> = {
  nat: "private, with a NAT or transit gateway",
  public: "public",
  endpoints: "no way out: needs VPC endpoints",
};
/** The best way out for tasks first. */
const PREFERENCE: readonly Egress[] = ["nat", "endpoints", "public"];

async function chooseSubnets(
  vpc: string,
  listed: Listed<SubnetOffer>,
  answers: Answers,
): Promise<readonly string[] | undefined> {
  const option = "--subnets IDs, at least two in different Availability Zones";
  if ("denied" in listed) {
    if (!answers.questions)
      return void answers.needs(`${option} (not listed: your identity is not allowed ${listed.denied})`);
    answers.questions.say(`Subnets can't be looked up: your identity is not allowed ${listed.denied}.`);
    return listOf(
      await answers.questions.enter(`IDs of at least two private subnets of ${vpc}:`, { check: SUBNET_IDS }),
    );
  }
  const usable = listed.items.filter(({ isCutOff }) => !isCutOff);
  const proposed = proposedSubnets(usable);
  if (!answers.questions) {
    // Public addresses for tasks have to be asked for.
    const isPublic = usable.some(({ id, egress }) => egress === "public" && proposed.includes(id));
    if (proposed.length > 0 && !isPublic) return proposed;
    return void answers.needs(
      `${option}; ${vpc} has ${usable.map(({ id, zone }) => `${id} (${zone})`).join(", ") || "none"}`,
    );
  }
  if (usable.length < 2)
    throw new UsageError(
      `${vpc} has ${usable.length} subnets with a way out, and a stage needs two in different Availability Zones.`,
      "Create them, choose another VPC with --vpc, or let the deployment create one with --new-vpc.",
    );
  const choices = usable.map(({ id, name, zone, egress }) => ({
    value: id,
    label: name ?? id,
    hint: [...(name ? [id] : []), zone, WAYS_OUT[egress]].join(", "),
  }));
  for (;;) {
    const chosen = await answers.questions.chooseSome(
      "Which subnets, one for each Availability Zone?",
      choices,
      proposed,
    );
    const problem = subnetProblem(usable.filter(({ id }) => chosen.includes(id)));
    if (problem === undefined) return chosen;
    answers.questions.say(problem);
  }
}

/** One subnet of each zone with the best way out that two zones have. */
export function proposedSubnets(subnets: readonly SubnetOffer[]): readonly string[] {
  for (const way of PREFERENCE) {
    const ofWay = subnets.filter(({ egress }) => egress === way);
    const firsts = [...new Set(ofWay.map(({ zone }) => zone))].map(
      (zone) => ofWay.find((each) => each.zone === zone)!.id,
    );
    if (firsts.length >= 2) return firsts;
  }
  return [];
}

function subnetProblem(subnets: readonly SubnetOffer[]): string | undefined {
  const zones = new Set(subnets.map(({ zone }) => zone));
  if (subnets.length < 2) return "Choose at least two.";
  if (zones.size < subnets.length)
    return "Two of them are in the same Availability Zone: choose one for each.";
  const ways = new Set(subnets.map(({ egress }) => egress));
  return ways.size > 1 ? "Their routes to the internet differ: choose subnets with the same one." : undefined;
}
