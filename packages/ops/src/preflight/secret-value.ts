import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { type DatabaseAddress, databaseAddress } from "@dbward-aws/dbward-config";
import { AwsCallError, type AwsClients } from "@dbward-aws/stage";

/** A value in Secrets Manager, as a task definition names it. */
export interface SecretPlace {
  /** Name or ARN. */
  readonly name: string;
  /** Key of the value in a secret that holds JSON. @default - the whole secret */
  readonly jsonKey?: string;
  /** Staging label of the version. @default - that of `versionId`, or `AWSCURRENT` */
  readonly versionStage?: string;
  /** @default - the version with the label */
  readonly versionId?: string;
}

/** What a container can do with a secret: what is wrong never repeats the value. */
export type SecretValue = { readonly value: string } | { readonly problem: string };

/**
 * Reads a secret as ECS reads it for a container. The value stays in memory; the caller must not print it.
 *
 * @throws AwsCallError when Secrets Manager can't be asked
 */
export async function readSecretValue({ secrets }: AwsClients, place: SecretPlace): Promise<SecretValue> {
  const { name, versionStage, versionId } = place;
  try {
    const { SecretString } = await secrets.send(
      new GetSecretValueCommand({ SecretId: name, VersionStage: versionStage, VersionId: versionId }),
    );
    if (SecretString === undefined)
      return {
        problem: "is binary, and ECS gives containers text alone. Store it as a string (--secret-string)",
      };
    return place.jsonKey === undefined ? whole(SecretString) : member(SecretString, place.jsonKey);
  } catch (error) {
    if (error instanceof Error && error.name === "ResourceNotFoundException")
      return {
        problem: versionId
          ? `has no version ${versionId}. Name one that it has, or none for the current one`
          : `has no value with the label ${versionStage ?? "AWSCURRENT"}. Store one with put-secret-value`,
      };
    throw new AwsCallError(`Reading secret ${name}`, error);
  }
}

function whole(text: string): SecretValue {
  // The container's command leaves out the line ends at its end, which a file has that was stored as it is.
  const value = text.replace(/[\r\n]+$/, "");
  if (value.trim() === "") return { problem: "is blank. Store a value with put-secret-value" };
  if (value.includes("\0"))
    return { problem: "contains a NUL character, which no environment variable can have. Store it without" };
  return { value };
}

function member(text: string, key: string): SecretValue {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return {
      problem: `isn't JSON, though the settings name its key "${key}". Store JSON, or leave the key out`,
    };
  }
  const isObject = typeof content === "object" && content !== null && !Array.isArray(content);
  if (!isObject || !Object.hasOwn(content as object, key))
    return { problem: `has no key "${key}". Name one that it has, or store that key` };
  const value = (content as Record<string, unknown>)[key];
  if (typeof value === "object")
    return { problem: `has no text under its key "${key}". Store a string there` };
  const found = whole(String(value));
  return "problem" in found ? { problem: `under its key "${key}" ${found.problem}` } : found;
}

/** What is wrong with a value that has to be an agent's database URL; `undefined` when nothing is known to be. */
export function databaseUrlProblem(value: string, port: number): string | undefined {
  const address: DatabaseAddress | "scheme" | "other" = databaseAddress(value);
  if (address === "scheme")
    return isJsonObject(value)
      ? "is JSON, and the agent needs the URL alone. Store the URL as the whole secret, or name its key: NAME:KEY::"
      : "must begin with postgres://, postgresql:// or mysql://, in lower case: the agent knows no other database";
  // On the local stage a database has a port of this machine, and the agents reach it there.
  if (address === "other" || address.port === port || isLoopback(address.host)) return undefined;
  return (
    `leads to port ${address.port}, and the agent's security group opens port ${port} (database.port). ` +
    "Make them the same"
  );
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
}

function isJsonObject(text: string): boolean {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}
