import { CreateSecretCommand, PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import type { Progress } from "@dbward-aws/cli";
import { secretReference } from "@dbward-aws/settings";
import { type AwsClients, describeSecret, ifThere, isDenied, type SecretState } from "@dbward-aws/stage";
import { databaseUrl } from "./database-url.ts";
import type { InitContext, InitOptions } from "./init-context.ts";
import type { StageFacts } from "./plan-files.ts";

/** A secret that is to get the URL of a database. */
export interface PlannedSecret {
  readonly name: string;
  readonly state: "missing" | "empty";
  /** `undefined` where only the plan is shown. */
  readonly url: string | undefined;
}

/**
 * The secrets of a stage that have no value yet, each with the URL that it is to get.
 *
 * @param isDryRun nothing is written, so that no URL is needed
 */
export async function planSecrets(
  context: InitContext,
  { secrets, choices }: StageFacts,
  { urlSources }: InitOptions,
  isDryRun: boolean,
): Promise<readonly PlannedSecret[]> {
  const unfilled: { readonly name: string; readonly port: number; readonly state: PlannedSecret["state"] }[] =
    [];
  for (const { name, port } of secrets) {
    // A secret of another form, such as a key of one, is somebody else's to make.
    if (name.startsWith("arn:") || secretReference(name)?.secretId !== name) continue;
    const state = await stateOf(context, name);
    if (state === "missing" || state === "empty") unfilled.push({ name, port, state });
  }
  if (isDryRun) return unfilled.map(({ name, state }) => ({ name, state, url: undefined }));
  // One URL can't be that of several databases.
  const sources = unfilled.length > 1 ? { environment: {} } : await urlSources();
  const planned: PlannedSecret[] = [];
  for (const { name, port, state } of unfilled)
    planned.push({
      name,
      state,
      url: await databaseUrl(name, choices ?? { port }, sources, context.answers),
    });
  return planned;
}

/** The state of a secret, by the person where the identity may not look; `undefined` when nobody knows. */
async function stateOf(
  { clients, answers, io }: InitContext,
  name: string,
): Promise<SecretState["state"] | undefined> {
  try {
    return (await describeSecret(clients, name)).state;
  } catch (error) {
    if (!isDenied(error)) throw error;
  }
  const denied = "your identity is not allowed secretsmanager:DescribeSecret";
  if (!answers.questions) {
    io.complain(`Warning: whether secret ${name} exists was not checked: ${denied}`);
    return undefined;
  }
  answers.questions.say(`Secret ${name} can't be looked up: ${denied}.`);
  return answers.questions.choose<SecretState["state"]>(`Does secret ${name} exist?`, [
    { value: "filled", label: "Yes, with the URL of the database" },
    { value: "missing", label: "No: create it" },
  ]);
}

/** Stores a URL where there is none. */
export async function storeSecret(
  { secrets }: AwsClients,
  { name, state, url }: PlannedSecret,
  progress: Progress,
): Promise<void> {
  progress.step(`Storing secret ${name}`);
  const stored = await ifThere(
    `Storing secret ${name}`,
    state === "missing"
      ? secrets.send(
          new CreateSecretCommand({
            Name: name,
            SecretString: url!,
            Description: "URL with which dbward's agent reaches its database",
          }),
        )
      : secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString: url! })),
    "ResourceExistsException",
  );
  progress.done(
    stored
      ? `Secret ${name} has the URL of the database`
      : `Secret ${name} exists already, and was left as it is`,
  );
}
