import { regionOfArn, type StageSettings, usedSecrets } from "@dbward-aws/settings";
import { type AwsClients, describeSecret, isDenied } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";
import { databaseUrlProblem, readSecretValue, type SecretPlace } from "./secret-value.ts";
import { unlessDenied } from "./unless-denied.ts";

/** Where the stage is deployed. */
export interface Place {
  readonly account: string;
  readonly region: string;
}

/** A value that tasks read, and the settings that name it. */
interface Wanted extends SecretPlace {
  readonly uses: string[];
  /** Ports that an agent opens for the database URL in it. */
  readonly databasePorts: number[];
}

/**
 * The secrets that a person makes: tasks that name one start only when it is there, with a value that a container can have. Values
 * are looked at in memory, and never shown.
 */
export async function checkSecrets(
  settings: StageSettings,
  { account, region }: Place,
  clients: AwsClients,
  findings: PreflightFindings,
): Promise<void> {
  const unread: string[] = [];
  await Promise.all(
    wantedSecrets(settings).map(async (wanted) => {
      const { name, uses } = wanted;
      const subject = `Secret ${name} (${uses.join(", ")})`;
      // A secret in another region is a mistake of the settings, which `regionProblems` reports.
      if ((regionOfArn(name) ?? region) !== region) return;
      const isForeign = accountOf(name) !== undefined && accountOf(name) !== account;
      const described = await unlessDenied(subject, "secretsmanager:DescribeSecret", findings, () =>
        describeSecret(clients, name),
      );
      if (isForeign)
        findings.warn(
          `${subject} is in account ${accountOf(name)}: its resource policy must allow the execution role ` +
            "secretsmanager:GetSecretValue, and the policy of its customer managed key kms:Decrypt",
        );
      if (!described || (isForeign && described.state === "missing")) return;
      // A secret without a current version may have the version that the settings name.
      const namesVersion = wanted.versionStage !== undefined || wanted.versionId !== undefined;
      const problem =
        described.state === "empty" && namesVersion ? undefined : stateProblem(name, described.state, region);
      if (problem) findings.refuse(`${subject} ${problem}`);
      else await checkValue(wanted, subject, clients, findings, unread);
    }),
  );
  if (unread.length > 0)
    findings.warn(
      `The values of secrets were not checked: your identity is not allowed secretsmanager:GetSecretValue, or kms:Decrypt with their keys (${unread.sort().join(", ")})`,
    );
}

function wantedSecrets(settings: StageSettings): readonly Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const { kind, path: _path, part: _part, use, ...place } of usedSecrets(settings)) {
    if (kind !== "secret") continue;
    const key = JSON.stringify(place);
    const each = wanted.get(key) ?? { ...place, uses: [], databasePorts: [] };
    each.uses.push(use);
    wanted.set(key, each);
  }
  for (const agent of settings.agents)
    for (const { variable, port } of agent.databases)
      for (const { uses, databasePorts } of wanted.values())
        if (uses.includes(`database URL ${variable} of agent ${agent.name}`)) databasePorts.push(port);
  return [...wanted.values()];
}

async function checkValue(
  wanted: Wanted,
  subject: string,
  clients: AwsClients,
  findings: PreflightFindings,
  unread: string[],
): Promise<void> {
  try {
    const read = await readSecretValue(clients, wanted);
    if ("problem" in read) findings.refuse(`${subject} ${read.problem}`);
    else
      for (const port of new Set(wanted.databasePorts)) {
        const problem = databaseUrlProblem(read.value, port);
        if (problem) findings.refuse(`${subject} ${problem}`);
      }
  } catch (error) {
    if (!isDenied(error)) throw error;
    unread.push(wanted.name);
  }
}

/** What keeps tasks from reading a secret, with the command that changes it. */
function stateProblem(
  name: string,
  state: Awaited<ReturnType<typeof describeSecret>>["state"],
  region: string,
): string | undefined {
  // The value comes from a file: an argument would stay in the shell's history.
  if (state === "missing")
    return name.startsWith("arn:")
      ? "doesn't exist. Name one that does"
      : `is missing. Put its value into a file, and run: aws secretsmanager create-secret --name ${name} --secret-string file://FILE --region ${region}`;
  if (state === "empty")
    return `has no value. Put it into a file, and run: aws secretsmanager put-secret-value --secret-id ${name} --secret-string file://FILE --region ${region}`;
  if (state === "being-deleted")
    return `is scheduled for deletion. Run: aws secretsmanager restore-secret --secret-id ${name} --region ${region}`;
  return undefined;
}

function accountOf(nameOrArn: string): string | undefined {
  return nameOrArn.startsWith("arn:") ? nameOrArn.split(":")[4] : undefined;
}
