import { GetSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetParametersCommand, type SSMClient } from "@aws-sdk/client-ssm";
import { TaskStartFailed } from "./errors.ts";

/** Where the values of a container's `secrets` come from. */
export interface SecretSources {
  readonly secretsManager: Pick<SecretsManagerClient, "send">;
  readonly ssm: Pick<SSMClient, "send">;
}

/**
 * The value behind `valueFrom` of a task definition: ARN of a secret, with `:json-key:stage:version` after it
 * or not, ARN or name of a parameter.
 *
 * @throws TaskStartFailed with the text of ECS, which names the source and never the value
 */
export async function resolveSecret(valueFrom: string, sources: SecretSources): Promise<string> {
  try {
    const value = valueFrom.includes(":secretsmanager:")
      ? await readSecret(valueFrom, sources)
      : await readParameter(valueFrom, sources);
    // No environment variable can hold it, and the system's error would quote the value.
    if (value.includes("\0")) throw unable(valueFrom, "the value holds a NUL character");
    return value;
  } catch (error) {
    if (error instanceof TaskStartFailed) throw error;
    const { name, message } = error as Error;
    throw unable(valueFrom, `${name}: ${message}`);
  }
}

/** A secret's ARN has seven parts; what ECS allows after it follows in this order. */
async function readSecret(valueFrom: string, { secretsManager }: SecretSources): Promise<string> {
  const parts = valueFrom.split(":");
  const [jsonKey, versionStage, versionId] = parts.slice(7);
  const { SecretString } = await secretsManager.send(
    new GetSecretValueCommand({
      SecretId: parts.slice(0, 7).join(":"),
      ...(versionStage ? { VersionStage: versionStage } : {}),
      ...(versionId ? { VersionId: versionId } : {}),
    }),
  );
  if (SecretString === undefined) throw unable(valueFrom, "the secret holds no text");
  return jsonKey ? readMember(valueFrom, SecretString, jsonKey) : SecretString;
}

function readMember(valueFrom: string, secret: string, key: string): string {
  const content = parse(secret);
  if (content === undefined)
    throw unable(valueFrom, `invalid character in the secret's JSON while looking for the key ${key}`);
  const value = content[key];
  if (value === undefined || value === null)
    throw unable(valueFrom, `retrieved secret did not contain json key ${key}`);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The parser's own error would quote the secret. */
function parse(secret: string): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(secret);
    return typeof content === "object" && content !== null ? (content as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function readParameter(valueFrom: string, { ssm }: SecretSources): Promise<string> {
  const Name = valueFrom.startsWith("arn:") ? valueFrom.replace(/^.*?:parameter/, "") : valueFrom;
  const { Parameters = [], InvalidParameters = [] } = await ssm.send(
    new GetParametersCommand({ Names: [Name], WithDecryption: true }),
  );
  if (InvalidParameters.length > 0) throw unable(valueFrom, `invalid ssm parameters: ${Name}`);
  const value = Parameters[0]?.Value;
  if (value === undefined) throw unable(valueFrom, "the parameter is empty");
  return value;
}

function unable(valueFrom: string, reason: string): TaskStartFailed {
  return new TaskStartFailed(
    `ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret ${valueFrom}: ${reason}`,
  );
}
