import { DescribeKeyCommand, GetKeyPolicyCommand, type KeyMetadata } from "@aws-sdk/client-kms";
import { type KeyPolicyStatement, keyPolicyStatements } from "@dbward-aws/contract";
import { NEW_KEY, partitionOf, regionOfArn, type StageSettings } from "@dbward-aws/settings";
import { AwsCallError, type AwsClients, during, findKeys, ifThere } from "@dbward-aws/stage";
import type { PreflightFindings } from "./findings.ts";
import { isAboutAction, isAboutService, type PolicyStatement, statementsOf } from "./policy-statement.ts";

/** ARN of the customer managed key by the name of what is encrypted with it, as the settings write it. */
export type KeysByName = Readonly<Record<string, string>>;

/**
 * Customer managed keys: which secrets, parameters, bucket and topic of the settings are under one, whether it can be used, and whether the
 * key for what the stage creates admits the services that are to encrypt with it.
 *
 * @returns the keys that were found, for the templates: roles need the right to decrypt with them
 */
export async function checkKeys(
  settings: StageSettings,
  clients: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<KeysByName> {
  const [{ ids: found, unread }] = await Promise.all([
    findKeys(settings, clients),
    checkStageKey(settings, clients, region, findings),
  ]);
  for (const [name, { message }] of unread)
    findings.warn(
      `The key of ${name} could not be looked up. If it is a customer managed one, name it in encryption.keys: ${message}`,
    );
  const { keys } = settings.encryption;
  const used = new Map<string, { readonly key: string; readonly of: string[] }>();
  for (const [name, key] of [...found, ...Object.entries(keys)]) {
    const same = used.get(key);
    if (same) same.of.push(name);
    else used.set(key, { key, of: [name] });
  }
  const arns = new Map<string, string>();
  for (const { key, of } of used.values()) {
    const metadata = await checkKey(key, [...new Set(of)].join(", "), clients, region, findings);
    if (metadata?.KeyManager === "CUSTOMER") arns.set(key, metadata.Arn!);
  }
  const customer = Object.fromEntries(
    [...found].flatMap(([name, key]) => (arns.has(key) ? [[name, arns.get(key)!]] : [])),
  );
  for (const [name, key] of Object.entries(keys))
    if (customer[name] !== undefined && customer[name] !== key)
      findings.refuse(
        `encryption.keys says that ${name} is encrypted with ${key}, but it is encrypted with ${customer[name]}. Remove the entry: the key is looked up`,
      );
  return customer;
}

/** @param use what it is for, in words */
async function checkKey(
  key: string,
  use: string,
  { kms }: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<KeyMetadata | undefined> {
  const name = `Key ${key} (${use})`;
  // A key in another region is a mistake of the settings, which `regionProblems` reports.
  if ((regionOfArn(key) ?? region) !== region) return undefined;
  let metadata: KeyMetadata | undefined;
  try {
    const found = await ifThere(
      `Looking up key ${key}`,
      kms.send(new DescribeKeyCommand({ KeyId: key })),
      "NotFoundException",
    );
    metadata = found?.KeyMetadata;
  } catch (error) {
    if (!(error instanceof AwsCallError)) throw error;
    findings.warn(`${name} could not be looked up: ${error.message}`);
    return undefined;
  }
  if (!metadata) findings.refuse(`${name} doesn't exist`);
  else if (metadata.KeyState === "Disabled")
    findings.refuse(
      `${name} is disabled. Run: aws kms enable-key --key-id ${metadata.KeyId} --region ${region}`,
    );
  else if (metadata.KeyState === "PendingDeletion")
    findings.refuse(
      `${name} is scheduled for deletion. Run: aws kms cancel-key-deletion --key-id ${metadata.KeyId} --region ${region}, and enable it`,
    );
  else if (metadata.KeyState !== undefined && metadata.KeyState !== "Enabled")
    findings.refuse(`${name} can't be used: its state is ${metadata.KeyState}`);
  else if (metadata.KeySpec !== undefined && metadata.KeySpec !== "SYMMETRIC_DEFAULT")
    findings.refuse(`${name} is not symmetric (${metadata.KeySpec}), and no service encrypts with it`);
  return metadata;
}

/** The key for what the stage creates: services that encrypt without a role of the stage must be admitted by its policy. */
async function checkStageKey(
  { stage, monitoring, encryption: { kmsKey } }: StageSettings,
  clients: AwsClients,
  region: string,
  findings: PreflightFindings,
): Promise<void> {
  if (kmsKey === undefined || kmsKey === NEW_KEY) return;
  const metadata = await checkKey(kmsKey, "encryption.kmsKey", clients, region, findings);
  if (!metadata) return;
  const [, partition = "aws", , , account = ""] = kmsKey.split(":");
  const urlSuffix = partitionOf(region)?.dnsSuffix ?? "amazonaws.com";
  const needed = keyPolicyStatements(
    stage,
    { partition, region, account, urlSuffix },
    monitoring.topicArn === undefined,
  );
  let text: string | undefined;
  try {
    const { Policy } = await during(
      `Reading the policy of key ${kmsKey}`,
      clients.kms.send(new GetKeyPolicyCommand({ KeyId: kmsKey, PolicyName: "default" })),
    );
    text = Policy;
  } catch (error) {
    if (!(error instanceof AwsCallError)) throw error;
    findings.warn(
      `Whether the policy of key ${kmsKey} admits the services that encrypt with it could not be checked: ${error.message} ` +
        `It needs: ${JSON.stringify(needed)}`,
    );
    return;
  }
  const statements = statementsOf(text);
  const missing = needed.filter((each) => !statements.some((statement) => admits(statement, each)));
  if (missing.length > 0)
    findings.refuse(
      `The policy of key ${kmsKey} (encryption.kmsKey) does not admit ${missing.map(({ Principal }) => Principal.Service).join(", ")}. ` +
        `Add to its statements: ${JSON.stringify(missing)}`,
    );
  if (!statements.some((statement) => admitsAccount(statement, account)))
    findings.warn(
      `The policy of key ${kmsKey} (encryption.kmsKey) does not let IAM policies allow the use of the key: add the statement for ` +
        `arn:${partition}:iam::${account}:root, or name the roles of the stage there`,
    );
}

/**
 * Whether a statement of a key's policy admits a service as a needed one does. Its conditions are not judged: they may be narrower
 * than ours in many ways.
 */
export function admits(statement: PolicyStatement, { Principal: { Service } }: KeyPolicyStatement): boolean {
  return (
    statement.Effect === "Allow" &&
    isAboutService(statement, Service) &&
    ["kms:Decrypt", "kms:GenerateDataKey"].every((action) => isAboutAction(statement, action))
  );
}

function admitsAccount(statement: PolicyStatement, account: string): boolean {
  const { Effect, Principal } = statement;
  const principals = typeof Principal === "object" ? [Principal.AWS ?? []].flat() : [Principal ?? ""];
  return (
    Effect === "Allow" &&
    isAboutAction(statement, "kms:Decrypt") &&
    principals.some((principal) => principal === account || principal.endsWith(`::${account}:root`))
  );
}
