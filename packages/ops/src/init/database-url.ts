import { databaseAddress } from "@dbward-aws/dbward-config";
import { databaseUrlProblem } from "../preflight/secret-value.ts";
import type { Answers } from "./answers.ts";
import type { DatabaseChoice, StageChoices } from "./stage-choices.ts";

/** Variables from which a password or a whole URL is read: a command line is visible to others. */
export const PASSWORD_VARIABLE = "DBWARD_DATABASE_PASSWORD";
export const URL_VARIABLE = "DBWARD_DATABASE_URL";

/** Where the URL of a database comes from. */
export interface UrlSources {
  readonly user?: string | undefined;
  readonly databaseName?: string | undefined;
  /** The whole URL or the password, from standard input. */
  readonly fromInput?: { readonly url: string } | { readonly password: string } | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The URL with which an agent reaches a database. It stays in memory: neither questions nor errors show it.
 *
 * @param secret name of the secret that it is for
 * @param choices what is known of the database; with a port alone, the whole URL is needed
 * @returns `undefined` when something is missing: {@link Answers.complete} names it
 */
export async function databaseUrl(
  secret: string,
  choices: Pick<StageChoices, "database"> | { readonly port: number },
  sources: UrlSources,
  answers: Answers,
): Promise<string | undefined> {
  const database = "database" in choices ? choices.database : undefined;
  const port = "database" in choices ? choices.database.port : choices.port;
  const problemOf = (url: string) => urlProblem(url, port);
  const { environment, fromInput } = sources;
  const whole = fromInput && "url" in fromInput ? fromInput.url : environment[URL_VARIABLE] || undefined;
  if (whole !== undefined) {
    const problem = problemOf(whole);
    if (problem === undefined) return whole;
    return void answers.needs(`another URL of the database: it ${problem}`);
  }
  if (database?.host === undefined) {
    if (answers.questions)
      return answers.questions.enterSecret(
        `URL of the database, for secret ${secret} (not shown):`,
        problemOf,
      );
    return void answers.needs(
      `--url-stdin, or the URL of the database in ${URL_VARIABLE}, for secret ${secret} alone`,
    );
  }
  // Not the master user by default: an agent needs no more rights than the requests that it runs.
  const master = database.offer?.masterUser;
  const question = `User of the database for the agent${master === undefined ? "" : ` (the master user is ${master})`}:`;
  const user = await part("--database-user NAME", question, sources.user, undefined, answers);
  const name = await part(
    "--database-name NAME",
    "Name of the database on its server:",
    sources.databaseName,
    database.offer?.database,
    answers,
  );
  const password = await passwordOf(sources, answers);
  if (user === undefined || name === undefined || password === undefined) return undefined;
  return urlOf(database, { user, name, password });
}

/** A part of the URL; the default is its value in RDS. */
async function part(
  option: string,
  message: string,
  value: string | undefined,
  known: string | undefined,
  answers: Answers,
): Promise<string | undefined> {
  if (value !== undefined) return value;
  if (!answers.questions) return known ?? void answers.needs(option);
  return answers.questions.enter(message, {
    initial: known,
    check: (text) => (text === "" ? "It can't be empty." : undefined),
  });
}

async function passwordOf(
  { environment, fromInput }: UrlSources,
  answers: Answers,
): Promise<string | undefined> {
  if (fromInput && "password" in fromInput) return fromInput.password;
  const password = environment[PASSWORD_VARIABLE];
  if (password) return password;
  if (answers.questions)
    return answers.questions.enterSecret("Its password (not shown):", (text) =>
      text === "" ? "It can't be empty." : undefined,
    );
  return void answers.needs(`--password-stdin, or the password in ${PASSWORD_VARIABLE}`);
}

/** RDS speaks TLS on every server: a connection without it would send the password in plain text. */
const TLS = { postgres: "sslmode=require", mysql: "ssl-mode=REQUIRED" } as const;

function urlOf(
  { driver, host, port, offer }: DatabaseChoice,
  { user, name, password }: { readonly user: string; readonly name: string; readonly password: string },
): string {
  const [login, database] = [
    `${encodeURIComponent(user)}:${encodeURIComponent(password)}`,
    encodeURIComponent(name),
  ];
  return `${driver}://${login}@${host}:${port}/${database}${offer ? `?${TLS[driver]}` : ""}`;
}

/** What keeps an agent from using a URL, without repeating it. */
function urlProblem(url: string, port: number): string | undefined {
  if (databaseAddress(url) === "other")
    return "has no host. It has to be like postgres://USER:PASSWORD@HOST/NAME";
  return databaseUrlProblem(url, port);
}
