import { UsageError } from "@dbward-aws/cli";
import type { AccountOffers, Driver } from "./account-offers.ts";
import type { Answers } from "./answers.ts";
import type { DatabaseChoice, DatabasePlace, NetworkChoice, StageOptions } from "./stage-choices.ts";
import { CIDRS, GROUP_ID, listOf, matches } from "./typed-answers.ts";

const PORTS: Readonly<Record<Driver, number>> = { postgres: 5432, mysql: 3306 };
const OTHER = "other";
const NONE = "none";

/**
 * The database that an agent is to reach.
 *
 * @returns `undefined` when an option is needed
 * @throws UsageError when RDS has no such database, or may not be asked for it
 */
export async function chooseDatabase(
  options: StageOptions,
  offers: AccountOffers,
  answers: Answers,
): Promise<DatabaseChoice | undefined> {
  const byHost = (driver: Driver, host?: string): DatabaseChoice => ({
    driver,
    host,
    port: options.databasePort ?? PORTS[driver],
  });
  if (options.databaseHost !== undefined) return byHost(options.driver ?? "postgres", options.databaseHost);
  const listed = await offers.databases();
  const id =
    options.database ??
    (await answers.one({
      option: "--database ID of an RDS instance or cluster, or --database-host NAME",
      message: "Which database?",
      listed: "denied" in listed && answers.questions ? { items: [] } : listed,
      choiceOf: ({ id, kind, engine, vpcId }) => ({
        value: id,
        label: id,
        hint: `${engine} ${kind}, ${vpcId ?? "no VPC"}`,
      }),
      others: answers.questions ? [{ value: OTHER, label: "Another one, by its host name" }] : [],
    }));
  if (id === undefined) return undefined;
  if (id === OTHER && options.database === undefined && answers.questions) {
    if ("denied" in listed)
      answers.questions.say(
        `RDS databases could not be listed: your identity is not allowed ${listed.denied}.`,
      );
    const host = await answers.questions.enter("Host name of the database:", {
      check: matches(/^[A-Za-z0-9.-]+$/, "a host name"),
    });
    const driver =
      options.driver ??
      (await answers.questions.choose<Driver>("What kind of database is it?", [
        { value: "postgres", label: "PostgreSQL" },
        { value: "mysql", label: "MySQL or MariaDB" },
      ]));
    const port = await answers.text(
      options.databasePort?.toString(),
      "Port:",
      String(PORTS[driver]),
      (text) =>
        Number(text) >= 1 && Number(text) <= 65_535 && /^\d+$/.test(text) ? undefined : "Enter a port.",
    );
    return { ...byHost(driver, host), port: Number(port) };
  }
  if ("denied" in listed)
    throw new UsageError(
      `The RDS database ${id} can't be looked up: your identity is not allowed ${listed.denied}.`,
      "Specify it with --database-host, --driver, --vpc and --security-group.",
    );
  const offer = listed.items.find((each) => each.id === id);
  if (!offer)
    throw new UsageError(
      `RDS has no PostgreSQL or MySQL database ${id} in this account and region.`,
      listed.items.length > 0
        ? `Existing ones: ${listed.items.map((each) => each.id).join(", ")}.`
        : "Specify any other database with --database-host.",
    );
  const { driver, host } = offer;
  return { driver, host, port: options.databasePort ?? offer.port ?? PORTS[driver], offer };
}

/**
 * Where an agent finds the database, for the rules of its security group.
 *
 * @returns `undefined` when an option is needed
 */
export async function choosePlace(
  { securityGroup, databaseCidrs }: StageOptions,
  database: DatabaseChoice | undefined,
  network: NetworkChoice,
  offers: AccountOffers,
  answers: Answers,
): Promise<DatabasePlace | undefined> {
  if (securityGroup !== undefined) return { securityGroupId: securityGroup };
  if (databaseCidrs !== undefined) return { cidrs: listOf(databaseCidrs) };
  const offer = database?.offer;
  const isBeside = "vpcId" in network && (offer?.vpcId === undefined || offer.vpcId === network.vpcId);
  if (isBeside) {
    const own = offer?.securityGroups ?? [];
    if (own.length === 1) return { securityGroupId: own[0] };
    const listed =
      own.length > 1
        ? { items: own.map((id) => ({ id, name: undefined })) }
        : await offers.securityGroups(network.vpcId);
    const chosen = await answers.one({
      option: "--security-group ID, or --database-cidrs BLOCKS",
      message:
        "Which security group does the database have? The deployment adds a rule that admits the agent.",
      listed,
      choiceOf: ({ id, name }) => ({ value: id, label: name ?? id, hint: name && id }),
      others: answers.questions ? [{ value: NONE, label: "None of these: name its addresses instead" }] : [],
      check: GROUP_ID,
    });
    if (chosen !== NONE) return chosen === undefined ? undefined : { securityGroupId: chosen };
  }
  if (!answers.questions) return void answers.needs("--database-cidrs BLOCKS that contain the database");
  const cidrs = await answers.questions.enter("IPv4 blocks that contain the database:", { check: CIDRS });
  return { cidrs: listOf(cidrs) };
}
