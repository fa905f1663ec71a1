import type { AccountOffers } from "./account-offers.ts";
import type { Answers } from "./answers.ts";
import { proposedSubnets } from "./choose-network.ts";
import type { NetworkChoice, StageChoices, StageOptions } from "./stage-choices.ts";
import { listOf, matches, SUBNET_IDS } from "./typed-answers.ts";

const NONE = "none";

/**
 * The load balancer in front of the server, with the subnets that it needs.
 *
 * @returns `undefined` when an option is needed
 */
export async function chooseLoadBalancer(
  options: StageOptions,
  network: NetworkChoice,
  offers: AccountOffers,
  answers: Answers,
): Promise<Pick<StageChoices, "network" | "loadBalancer"> | undefined> {
  const scheme =
    options.loadBalancer ??
    (await answers.questions?.choose<NonNullable<StageOptions["loadBalancer"]>>(
      "A load balancer in front of the server?",
      [
        { value: "none", label: "None", hint: "pnpm ops reaches the server through ECS Exec" },
        { value: "internal", label: "Reachable from the VPC" },
        { value: "internet-facing", label: "Reachable from the internet", hint: "needs a certificate" },
      ],
    )) ??
    NONE;
  if (scheme === NONE) return { network };
  const certificateArn = options.certificate ?? (await chooseCertificate(scheme, offers, answers));
  if (certificateArn === undefined) return undefined;
  const publicSubnets =
    scheme === "internet-facing" && "vpcId" in network
      ? await choosePublicSubnets(options, network.vpcId, offers, answers)
      : undefined;
  if (scheme === "internet-facing" && "vpcId" in network && publicSubnets === undefined) return undefined;
  return {
    network: publicSubnets && "vpcId" in network ? { ...network, publicSubnets } : network,
    loadBalancer: { scheme, ...(certificateArn === NONE ? {} : { certificateArn }) },
  };
}

async function chooseCertificate(
  scheme: "internal" | "internet-facing",
  offers: AccountOffers,
  answers: Answers,
): Promise<string | undefined> {
  // An internal load balancer may go without; nobody is made to name a certificate for it.
  if (scheme === "internal" && !answers.questions) return NONE;
  return answers.one({
    option: "--certificate ARN",
    message: "Which certificate for HTTPS?",
    listed: await offers.certificates(),
    choiceOf: ({ arn, domain }) => ({ value: arn, label: domain, hint: arn }),
    others: scheme === "internal" ? [{ value: NONE, label: "None: plain HTTP inside the VPC" }] : [],
    check: matches(/^arn:[\w-]+:acm:[\w-]+:\d{12}:certificate\/[\w-]+$/, "the ARN of a certificate in ACM"),
  });
}

async function choosePublicSubnets(
  { publicSubnets }: StageOptions,
  vpc: string,
  offers: AccountOffers,
  answers: Answers,
): Promise<readonly string[] | undefined> {
  if (publicSubnets !== undefined) return listOf(publicSubnets);
  const listed = await offers.subnets(vpc);
  const found =
    "denied" in listed ? [] : proposedSubnets(listed.items.filter(({ egress }) => egress === "public"));
  if (found.length >= 2) return found;
  const option = "--public-subnets IDs, at least two in different Availability Zones, for the load balancer";
  if (!answers.questions) return void answers.needs(option);
  const text = await answers.questions.enter(`IDs of at least two public subnets of ${vpc}:`, {
    check: SUBNET_IDS,
  });
  return listOf(text);
}
