import { resolve } from "node:path";
import { type Argv, actionOptions, type CliIo, UsageError } from "@dbward-aws/cli";
import { LOCAL_STAGE } from "@dbward-aws/contract";
import { escapeControls } from "@dbward-aws/core";
import { confirmIdentity, createAwsClients, knownProfiles, takeIdentity } from "@dbward-aws/stage";
import { command } from "../command.ts";
import type { CommonOptions } from "../common-options.ts";
import { accountOffers } from "../init/account-offers.ts";
import { Answers } from "../init/answers.ts";
import { askOnTerminal } from "../init/ask-on-terminal.ts";
import { PASSWORD_VARIABLE, URL_VARIABLE, type UrlSources } from "../init/database-url.ts";
import { initStage } from "../init/init-stage.ts";
import type { Questions } from "../init/questions.ts";

/** `pnpm ops init`. */
export const init = command({
  command: "init",
  summary: "Describe a new stage: the settings, both TOML files, and the secret with the database's URL",
  examples: [
    ["init", "Asks the account and you"],
    [
      "init --stage prod --database orders --database-user dbward --yes",
      `Without questions; the password in ${PASSWORD_VARIABLE}`,
    ],
    ["init --stage prod --database orders --yes --dry-run", "Shows what would be written"],
  ],
  options: (yargs) => initOptions(yargs as Argv<CommonOptions>),
  async runWithoutContext(
    io,
    { yes, dryRun, json, existing, passwordStdin, urlStdin, databaseUser, databaseName, ...options },
  ) {
    if (passwordStdin && urlStdin)
      throw new UsageError(
        "--password-stdin and --url-stdin exclude each other.",
        "Standard input has one of them.",
      );
    const questions = io.terminal && !yes ? askOnTerminal(io, io.terminal) : undefined;
    const stage = await stageOf(options.stage, questions);
    const { account, region, clients } = await openAccount(options, stage, io, questions);
    return initStage(
      {
        stage,
        configFile: resolve(io.directory, options.config),
        account,
        region,
        clients,
        offers: accountOffers(clients),
        answers: new Answers(questions),
        io: { ...io, print: (line) => io.print(escapeControls(line)) },
      },
      {
        stageOptions: options,
        existing,
        urlSources: once(async () => ({
          user: databaseUser,
          databaseName,
          environment: process.env,
          ...(passwordStdin ? { fromInput: { password: await readInput(io) } } : {}),
          ...(urlStdin ? { fromInput: { url: await readInput(io) } } : {}),
        })),
      },
      { yes, dryRun, json },
    );
  },
});

function initOptions(yargs: Argv<CommonOptions>) {
  const word = { type: "string", requiresArg: true } as const;
  return actionOptions(yargs)
    .option("database", { ...word, describe: "RDS instance or cluster" })
    .option("database-host", { ...word, describe: "Instead: host name of another database" })
    .option("database-port", { type: "number", requiresArg: true, describe: "Its port" })
    .option("driver", { choices: ["postgres", "mysql"] as const, describe: "What --database-host is" })
    .option("database-user", { ...word, describe: "User for the agent" })
    .option("database-name", { ...word, describe: "Name of the database on its server" })
    .option("password-stdin", {
      type: "boolean",
      default: false,
      describe: `Read the password from standard input (or: ${PASSWORD_VARIABLE})`,
    })
    .option("url-stdin", {
      type: "boolean",
      default: false,
      describe: `Read the whole URL from standard input (or: ${URL_VARIABLE})`,
    })
    .option("secret", { ...word, describe: "Secret with the URL (default: dbward/STAGE/database-url)" })
    .option("vpc", { ...word, describe: "VPC of the stage (default: that of the RDS database)" })
    .option("subnets", {
      ...word,
      describe: "Its subnets, separated by commas (default: private ones, one a zone)",
    })
    .option("public-subnets", { ...word, describe: "Subnets of an internet-facing load balancer" })
    .option("new-vpc", { type: "boolean", default: false, describe: "Instead: the deployment creates a VPC" })
    .option("egress", { choices: ["nat", "public", "endpoints"] as const, describe: "Way out of a new VPC" })
    .option("security-group", { ...word, describe: "Security group of the database (default: that of RDS)" })
    .option("database-cidrs", { ...word, describe: "Instead: IPv4 blocks that contain it" })
    .option("agent", { ...word, describe: "Name of the agent (default: from the database's)" })
    .option("dbward-database", { ...word, describe: "Name of the database in dbward" })
    .option("environment", {
      ...word,
      describe: "Its environment in dbward (default: from the stage's name)",
    })
    .option("load-balancer", {
      choices: ["none", "internal", "internet-facing"] as const,
      describe: "Load balancer in front of the server (default: none)",
    })
    .option("certificate", { ...word, describe: "ARN of its certificate" })
    .option("emails", { ...word, describe: "Addresses for alarms, separated by commas" })
    .option("existing", {
      choices: ["keep", "replace"] as const,
      describe: "What to do with a stage or a file that exists and differs (default: ask)",
    });
}

async function stageOf(option: string | undefined, questions: Questions | undefined): Promise<string> {
  const stage =
    option ?? (await questions?.enter("Name of the stage:", { initial: "prod", check: stageProblem }));
  if (stage === undefined)
    throw new UsageError("--stage is required.", "Name the new stage, such as --stage prod.");
  const problem = stageProblem(stage);
  if (problem !== undefined) throw new UsageError(`--stage can't be "${stage}".`, problem);
  return stage;
}

function stageProblem(stage: string): string | undefined {
  if (stage === LOCAL_STAGE)
    return `The name ${LOCAL_STAGE} is reserved for the stage on this machine (pnpm local). Choose another name.`;
  return /^[a-zA-Z](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(stage)
    ? undefined
    : "Use up to 32 letters, digits and hyphens, beginning with a letter and not ending in a hyphen.";
}

/** Chooses credentials and region as the other commands do, and asks for what isn't set anywhere. */
async function openAccount(
  options: { profile?: string | undefined; region?: string | undefined },
  stage: string,
  io: CliIo,
  questions: Questions | undefined,
) {
  const profile = options.profile ?? (questions && (await chooseProfile(questions)));
  const UNKNOWN = "unknown";
  let identity = await takeIdentity({ profile, region: options.region }, process.env, questions && UNKNOWN);
  if (identity.region === UNKNOWN) {
    for (const variable of ["AWS_REGION", "AWS_DEFAULT_REGION"]) delete process.env[variable];
    const region = await questions!.enter("Which region?", {
      check: (answer) =>
        /^[a-z]{2,5}(-[a-z]+)+-\d+$/.test(answer) ? undefined : "Enter a region such as eu-central-1.",
    });
    identity = await takeIdentity({ profile, region });
  }
  const clients = createAwsClients(identity.region);
  const { account, line } = await confirmIdentity(identity, clients, { stage });
  if (questions) questions.say(line);
  else io.complain(line);
  return { account, region: identity.region, clients };
}

/** Asks for a profile where several could be meant. */
async function chooseProfile(questions: Questions): Promise<string | undefined> {
  const profiles = await knownProfiles();
  if (profiles.length < 2) return undefined;
  return questions.choose(
    "Which profile of the AWS configuration?",
    profiles.map((value) => ({ value, label: value })),
    "default",
  );
}

/** Characters; no password or URL is longer. */
const MAX_INPUT = 16 * 1024;

/** Standard input to its end, without the line end that `echo` adds. */
async function readInput({ input = process.stdin }: CliIo): Promise<string> {
  let read = "";
  for await (const chunk of input) {
    read += String(chunk);
    if (read.length > MAX_INPUT) break;
  }
  const value = read.replace(/\r?\n$/, "");
  if (value === "" || value.length > MAX_INPUT)
    throw new UsageError(
      value === "" ? "Standard input is empty." : `Standard input is longer than ${MAX_INPUT} characters.`,
      "Pipe the password, or the URL, into the command.",
    );
  return value;
}

function once(read: () => Promise<UrlSources>): () => Promise<UrlSources> {
  let sources: Promise<UrlSources> | undefined;
  return () => (sources ??= read());
}
