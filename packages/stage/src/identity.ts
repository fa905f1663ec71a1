import { readFile } from "node:fs/promises";
import { devNull, homedir } from "node:os";
import { join } from "node:path";
import { EMULATED_ACCOUNT, LOCAL_FILES, LOCAL_REGION, LOCAL_STAGE } from "@dbward-aws/contract";
import { DbwardError, isRunning } from "@dbward-aws/core";
import { loadSharedConfigFiles } from "@smithy/shared-ini-file-loader";
import { z } from "zod";
import type { AwsClients } from "./aws-clients.ts";
import { during } from "./aws-error.ts";

/** What a command line and the settings say about whose account and which region. */
export interface IdentityChoice {
  /** `--profile`. */
  readonly profile?: string | undefined;
  /** `--region`. */
  readonly region?: string | undefined;
  /** `region` of the stage's settings. */
  readonly stageRegion?: string | undefined;
  /**
   * The stage, and the folder of dbward.config.ts: the stage of this machine brings its own account.
   *
   * @default - any account
   */
  readonly project?: { readonly stage: string; readonly root: string } | undefined;
}

/** Where the credentials and the region of a run come from. */
export interface AwsIdentity {
  /** AWS region, such as `eu-central-1`. */
  readonly region: string;
  /**
   * The profile whose credentials are used; `undefined` for keys in variables and for the SDK's default
   * chain.
   */
  readonly profile: string | undefined;
  /** Where the credentials come from, such as `profile acme` or `the keys in AWS_ACCESS_KEY_ID`. */
  readonly source: string;
  /** Whether the access keys in variables take part. */
  readonly usesKeys: boolean;
}

/** The account or the region is unknown, or two sources that must agree don't. */
export class IdentityError extends DbwardError {
  override readonly name = "IdentityError";

  constructor(problem: string, hint: string) {
    super("identity-unclear", problem, { hint });
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Chooses credentials and region in the order of the AWS CLI.
 *
 * - Credentials: `--profile`; access keys in variables; `AWS_PROFILE`, `AWS_DEFAULT_PROFILE`; the SDK's
 *   default chain.
 * - Region: `--region`; the stage's `region`; `AWS_REGION`; `AWS_DEFAULT_REGION`; the profile's region.
 *
 * SST 2.49 prefers keys in variables to its own `--profile`, and asks no profile for its region; the SDK
 * prefers `AWS_PROFILE` to keys, and the CDK's command keys to `AWS_PROFILE`. So the choice is made here,
 * once, for all of them.
 *
 * @param fallbackRegion region when nothing names one. @default - an error
 * @throws IdentityError when nothing names a region, there is no such profile, or `--region` contradicts the
 * stage
 */
export async function chooseIdentity(
  choice: IdentityChoice,
  environment: Environment = process.env,
  fallbackRegion?: string,
): Promise<AwsIdentity> {
  const credentials = await chooseCredentials(choice.profile, environment);
  const { region, stageRegion } = choice;
  if (region && stageRegion && region !== stageRegion)
    throw new IdentityError(
      `--region ${region} contradicts the stage's settings, whose region is ${stageRegion}.`,
      "Leave --region away, or change `region` of the stage in dbward.config.ts.",
    );
  const { profile, profileRegion } = credentials;
  const found =
    region ||
    stageRegion ||
    environment.AWS_REGION ||
    environment.AWS_DEFAULT_REGION ||
    profileRegion ||
    fallbackRegion;
  if (!found)
    throw new IdentityError(
      `Which region?${profile === undefined ? "" : ` Profile ${profile} has none.`}`,
      "Name it with --region, `region` in the stage's settings, AWS_REGION, or in the profile.",
    );
  const { source, usesKeys } = credentials;
  return { region: found, profile, source, usesKeys };
}

function readSharedConfig(environment: Environment) {
  return loadSharedConfigFiles({
    ...(environment.AWS_CONFIG_FILE ? { configFilepath: environment.AWS_CONFIG_FILE } : {}),
    ...(environment.AWS_SHARED_CREDENTIALS_FILE ? { filepath: environment.AWS_SHARED_CREDENTIALS_FILE } : {}),
    ignoreCache: true,
  });
}

function profileNames({
  configFile,
  credentialsFile,
}: Awaited<ReturnType<typeof readSharedConfig>>): string[] {
  return [...new Set([...Object.keys(configFile), ...Object.keys(credentialsFile)])]
    .filter((name) => !name.includes("."))
    .sort();
}

async function chooseCredentials(flag: string | undefined, environment: Environment) {
  const shared = await readSharedConfig(environment);
  const { configFile, credentialsFile } = shared;
  const variable = environment.AWS_PROFILE ? "AWS_PROFILE" : "AWS_DEFAULT_PROFILE";
  const named = flag || environment[variable];
  const hasKeys = Boolean(environment.AWS_ACCESS_KEY_ID && environment.AWS_SECRET_ACCESS_KEY);
  const section = (name: string) =>
    name in configFile || name in credentialsFile
      ? { ...configFile[name], ...credentialsFile[name] }
      : undefined;

  const usesNamed = named !== undefined && named !== "" && (Boolean(flag) || !hasKeys);
  if (usesNamed && !section(named)) {
    const known = profileNames(shared);
    const files = environment.AWS_CONFIG_FILE ?? join(homedir(), ".aws", "config");
    throw new IdentityError(
      `There is no profile "${named}", which ${flag ? "--profile" : variable} names, in ${files} or beside it.`,
      known.length > 0 ? `Existing ones: ${known.join(", ")}.` : "Create one with: aws configure sso",
    );
  }
  const profileRegion = section(named || "default")?.region;
  if (usesNamed) {
    const usesKeys = section(named)?.credential_source === "Environment";
    return { profile: named, profileRegion, source: `profile ${named}`, usesKeys };
  }
  return {
    profile: undefined,
    profileRegion,
    source: hasKeys
      ? "the keys in AWS_ACCESS_KEY_ID"
      : section("default")
        ? "profile default"
        : "the SDK's default credentials",
    usesKeys: hasKeys,
  };
}

/**
 * Names of the profiles that a person may mean; none where the environment has chosen already, by a profile
 * or by access keys.
 */
export async function knownProfiles(environment: Environment = process.env): Promise<readonly string[]> {
  const { AWS_PROFILE, AWS_DEFAULT_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = environment;
  if (AWS_PROFILE || AWS_DEFAULT_PROFILE || (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY)) return [];
  return profileNames(await readSharedConfig(environment));
}

const KEYS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] as const;

/**
 * Chooses as {@link chooseIdentity} does, and leaves in `environment` that one source of credentials and that
 * one region, so that every SDK, SST and the CDK's command come to the same, in this process and in those
 * that it starts.
 *
 * @throws IdentityError
 */
export async function takeIdentity(
  choice: IdentityChoice,
  environment: NodeJS.ProcessEnv = process.env,
  fallbackRegion?: string,
): Promise<AwsIdentity> {
  const { project } = choice;
  if (project?.stage === LOCAL_STAGE && !isLoopback(environment.AWS_ENDPOINT_URL))
    return takeLocalIdentity(choice, project.root, environment);
  const identity = await chooseIdentity(choice, environment, fallbackRegion);
  const { profile, region, usesKeys } = identity;
  delete environment.AWS_DEFAULT_PROFILE;
  if (profile === undefined) delete environment.AWS_PROFILE;
  else environment.AWS_PROFILE = profile;
  if (!usesKeys) for (const key of KEYS) delete environment[key];
  environment.AWS_REGION = region;
  environment.AWS_DEFAULT_REGION = region;
  return identity;
}

/** Whether an endpoint is on this machine, as that of the local stage. */
function isLoopback(endpoint: string | undefined): boolean {
  return /^http:\/\/(127(\.\d+){3}|localhost|\[::1\])(:\d+)?\/?$/.test(endpoint ?? "");
}

/**
 * Leaves the local stage's endpoint and keys in `environment`, and nothing that could lead to a real account.
 *
 * @throws IdentityError when the local stage doesn't run, or another account is asked for
 */
async function takeLocalIdentity(
  { profile, region, stageRegion }: IdentityChoice,
  root: string,
  environment: NodeJS.ProcessEnv,
): Promise<AwsIdentity> {
  if (profile || (region && region !== LOCAL_REGION) || (stageRegion && stageRegion !== LOCAL_REGION))
    throw new IdentityError(
      `Stage ${LOCAL_STAGE} is in the emulated account of this machine, in ${LOCAL_REGION}.`,
      "Leave out --profile, --region and the stage's `region`, or name another stage.",
    );
  const access = await findLocalAccount(root);
  if (!access)
    throw new IdentityError(`Stage ${LOCAL_STAGE} doesn't run on this machine.`, "Start it with: pnpm local");
  for (const name of Object.keys(environment)) if (name.startsWith("AWS_")) delete environment[name];
  Object.assign(environment, {
    AWS_ENDPOINT_URL: access.endpoint,
    AWS_ACCESS_KEY_ID: access.accessKeyId,
    AWS_SECRET_ACCESS_KEY: access.secretAccessKey,
    AWS_REGION: LOCAL_REGION,
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  });
  return { region: LOCAL_REGION, profile: undefined, source: "the local stage", usesKeys: true };
}

const runFile = z.object({
  host: z.object({ pid: z.number() }),
  credentials: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
});
const stateFile = z.object({ ports: z.object({ emulator: z.number().int().min(1).max(65_535) }) });

/** The emulated account of the local stage that runs in a checkout; `undefined` when none does. */
async function findLocalAccount(root: string) {
  const read = async (name: string): Promise<unknown> => {
    try {
      return JSON.parse(await readFile(join(root, LOCAL_FILES.directory, name), "utf8"));
    } catch {
      return undefined; // Absent, or incomplete while the stage starts.
    }
  };
  const run = runFile.safeParse(await read(LOCAL_FILES.run));
  const state = stateFile.safeParse(await read(LOCAL_FILES.state));
  if (!run.success || !state.success || !isRunning(run.data.host.pid)) return undefined;
  return { endpoint: `http://127.0.0.1:${state.data.ports.emulator}`, ...run.data.credentials };
}

/** Whose the credentials are, by AWS. */
export interface ConfirmedIdentity {
  readonly account: string;
  /** Partition of the account, such as `aws` or `aws-us-gov`. */
  readonly partition: string;
  /** A line for the user, such as `Account 123456789012, region eu-west-1, by profile acme`. */
  readonly line: string;
}

/**
 * Asks AWS for the account of the credentials.
 *
 * @returns its id; `unknown` when the answer has none
 * @throws AwsCallError when AWS doesn't accept the credentials
 */
export async function readAccount(sts: AwsClients["sts"]): Promise<string> {
  const { Account = "unknown" } = await during("Asking AWS who you are", callerIdentity(sts));
  return Account;
}

/** Loads the SDK when it is needed: to choose a region needs no client. */
async function callerIdentity(sts: AwsClients["sts"]) {
  const { GetCallerIdentityCommand } = await import("@aws-sdk/client-sts");
  return sts.send(new GetCallerIdentityCommand({}));
}

/**
 * Asks AWS whose the credentials are.
 *
 * @param settings stage and account that they must be for; the stage of this machine is in the emulated
 * account alone. @default - any
 * @throws IdentityError when it is another account; AwsCallError when AWS doesn't accept the credentials
 */
export async function confirmIdentity(
  identity: AwsIdentity,
  { sts }: Pick<AwsClients, "sts">,
  { stage, account }: { readonly stage?: string; readonly account?: string | undefined } = {},
): Promise<ConfirmedIdentity> {
  const { Account = "unknown", Arn = "" } = await during(
    `Asking AWS for the account of ${identity.source}`,
    callerIdentity(sts),
  );
  if (stage === LOCAL_STAGE && Account !== EMULATED_ACCOUNT)
    throw new IdentityError(
      `Stage ${LOCAL_STAGE} is in the emulated account of this machine, and ${identity.source} leads to account ${Account}.`,
      "Start it with `pnpm local`, or name a stage of that account.",
    );
  if (account !== undefined && Account !== account)
    throw new IdentityError(
      `The stage belongs to account ${account} by its settings, and ${identity.source} leads to account ${Account}.`,
      "Take credentials of that account, by --profile for example, or change `account` of the stage in dbward.config.ts.",
    );
  return {
    account: Account,
    partition: Arn.split(":")[1] || "aws",
    line: `Account ${Account}, region ${identity.region}, by ${identity.source}`,
  };
}
