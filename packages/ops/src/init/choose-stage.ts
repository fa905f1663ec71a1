import { UsageError } from "@dbward-aws/cli";
import { PLAIN_NAME, PLAIN_NAME_WORDS } from "@dbward-aws/dbward-config";
import type { AccountOffers } from "./account-offers.ts";
import type { Answers } from "./answers.ts";
import { chooseDatabase, choosePlace } from "./choose-database.ts";
import { chooseLoadBalancer } from "./choose-load-balancer.ts";
import { chooseNetwork } from "./choose-network.ts";
import type { DbwardDatabase } from "./configs.ts";
import type { Choice } from "./questions.ts";
import type { DatabaseChoice, StageChoices, StageOptions } from "./stage-choices.ts";
import { listOf, matches } from "./typed-answers.ts";

const DBWARD_NAME = matches(PLAIN_NAME, PLAIN_NAME_WORDS);
const SECRET_NAME = matches(/^[\w/+=.@:-]+$/, "the name of a secret: letters, digits and /_+=.@-");
const EMAILS = matches(/^(\s*[^\s@,]+@[^\s@,]+\s*(,|$))*$/, "addresses, separated by commas, or nothing");
const OTHER = "other";

/**
 * Finds out what a stage is made of: from the options, from the account, and from the person for the rest. What the
 * identity may not list is asked as well.
 *
 * @returns `undefined` when options are needed: {@link Answers.complete} names them
 * @throws UsageError when options contradict each other, or name what the account doesn't have
 * @throws QuestionsEndedError, AwsCallError
 */
export async function chooseStage(
  stage: string,
  options: StageOptions,
  offers: AccountOffers,
  answers: Answers,
): Promise<StageChoices | undefined> {
  checkOptions(options);
  const database = await chooseDatabase(options, offers, answers);
  const network = await chooseNetwork(options, database, offers, answers);
  const place = network && (await choosePlace(options, database, network, offers, answers));
  const dbward = await chooseNames(stage, options, database, answers);
  const secret = await chooseSecret(stage, options, offers, answers);
  const balanced = network && (await chooseLoadBalancer(options, network, offers, answers));
  const emails = await answers.text(options.emails, "E-mail addresses for alarms (optional):", "", EMAILS);
  if (!database || !balanced || !place || secret === undefined) return undefined;
  return {
    network: balanced.network,
    database,
    place,
    secret,
    agent: options.agent ?? agentNameFor(dbward.name),
    dbward,
    loadBalancer: balanced.loadBalancer,
    emails: listOf(emails),
  };
}

function checkOptions(options: StageOptions): void {
  const both = (one: keyof StageOptions, other: keyof StageOptions) =>
    options[one] === undefined || options[one] === false || options[other] === undefined
      ? []
      : [`${optionName(one)} and ${optionName(other)} exclude each other.`];
  const problems = [
    ...both("database", "databaseHost"),
    ...both("newVpc", "vpc"),
    ...both("newVpc", "subnets"),
    ...both("securityGroup", "databaseCidrs"),
    ...(options.egress !== undefined && !options.newVpc
      ? ["--egress is for a VPC that the deployment creates: add --new-vpc."]
      : []),
    ...(options.certificate !== undefined && (options.loadBalancer ?? "none") === "none"
      ? ["--certificate is for a load balancer: add --load-balancer internal or internet-facing."]
      : []),
  ];
  if (problems.length > 0) throw new UsageError(problems.join(" "), "More: pnpm ops init --help.");
}

function optionName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

const ENVIRONMENTS: Readonly<Record<string, string>> = { prod: "production", dev: "development" };

async function chooseNames(
  stage: string,
  { dbwardDatabase, environment }: StageOptions,
  database: DatabaseChoice | undefined,
  answers: Answers,
): Promise<DbwardDatabase> {
  const proposed = database?.offer?.database?.toLowerCase() ?? "";
  const name = PLAIN_NAME.test(proposed) ? proposed : "app";
  const lower = stage.toLowerCase();
  return {
    name: await answers.text(dbwardDatabase, "Name of the database in dbward:", name, DBWARD_NAME),
    environment: await answers.text(
      environment,
      "Its environment in dbward:",
      ENVIRONMENTS[lower] ?? lower,
      DBWARD_NAME,
    ),
  };
}

/** An agent's name is part of names in AWS, where no underscores are. */
function agentNameFor(database: string): string {
  const name = database.replaceAll("_", "-").replace(/-+$/, "").slice(0, 32);
  return /^[a-z][a-z0-9-]*[a-z0-9]$/.test(name) ? name : "app";
}

async function chooseSecret(
  stage: string,
  { secret }: StageOptions,
  offers: AccountOffers,
  answers: Answers,
): Promise<string | undefined> {
  if (secret !== undefined) return secret;
  const own = `dbward/${stage}/database-url`;
  if (!answers.questions) return own;
  const listed = await offers.secrets();
  const known = "denied" in listed ? [] : listed.items.filter((name) => name !== own);
  const choices: Choice<string>[] = [
    { value: own, label: own, hint: "made when it is missing" },
    ...known.map((name) => ({ value: name, label: name })),
    { value: OTHER, label: "Another one, by its name or ARN" },
  ];
  const chosen = await answers.questions.choose("Which secret holds the URL of the database?", choices, own);
  return chosen === OTHER
    ? answers.questions.enter("Name or ARN of the secret:", { check: SECRET_NAME })
    : chosen;
}
