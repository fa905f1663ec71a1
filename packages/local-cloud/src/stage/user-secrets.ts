import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CreateSecretCommand,
  ResourceExistsException,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { SERVER } from "@dbward-aws/contract";
import { type DbwardConfig, loadStage, type StageSettings } from "@dbward-aws/settings";
import { tsImport } from "tsx/esm/api";

/**
 * The settings of the stage, from the checkout's dbward.config.ts.
 *
 * @throws SettingsError when it has mistakes: before anything is created
 */
export async function readSettings(root: string, stage: string): Promise<StageSettings> {
  const file = pathToFileURL(join(root, "dbward.config.ts")).href;
  const module: { default: DbwardConfig } = await tsImport(file, import.meta.url);
  return loadStage(module.default, stage, { root });
}

/**
 * Makes the secrets that in a real account the user has made before the first deployment: database URLs, and what
 * else a configuration file refers to. An existing one keeps its value.
 *
 * @param databaseUrl value of the agents' database secrets
 * @param env gives every other secret its value by the name of its variable. What it doesn't name gets a value made up
 * here, which is enough for the stand-in
 */
export async function createUserSecrets(
  client: SecretsManagerClient,
  settings: StageSettings,
  databaseUrl: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const { server, agents } = settings;
  const variables: [variable: string, secret: string][] = [
    ...Object.entries(server.secrets),
    ...agents.flatMap((agent) => Object.entries(agent.secrets)),
  ];
  if (server.licenseKeySecret) variables.push([SERVER.licenseKeyVariable, server.licenseKeySecret]);
  const values = new Map(
    variables.map(([variable, secret]) => [secret, env[variable] ?? randomBytes(12).toString("hex")]),
  );
  for (const { database } of agents) values.set(database.urlSecret, databaseUrl);
  for (const [secret, value] of values) {
    if (secret.startsWith("arn:")) continue; // another account's: it can't be made here
    await create(client, secret, value);
  }
}

async function create(client: SecretsManagerClient, name: string, value: string): Promise<void> {
  try {
    await client.send(new CreateSecretCommand({ Name: name, SecretString: value }));
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error;
  }
}
