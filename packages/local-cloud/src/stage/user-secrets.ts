import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CreateSecretCommand,
  ResourceExistsException,
  type SecretsManagerClient,
  TagResourceCommand,
} from "@aws-sdk/client-secrets-manager";
import { SERVER } from "@dbward-aws/contract";
import { DATABASE_PLACES_TAG, type DatabasePlace } from "@dbward-aws/local-account";
import { type DbwardConfig, loadStage, type StageSettings, secretReference } from "@dbward-aws/settings";
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
 * Makes the secrets that in a real account the user has made before the first deployment: database URLs, and
 * what else a configuration file refers to. An existing one keeps its value.
 *
 * @param databaseUrl value of the agents' database secrets that `env` doesn't name
 * @param env values of the secrets, by the names of their variables. A secret without one gets a random
 * value, which is enough for the stand-in
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
  const databases = agents.flatMap((agent) => agent.databases);
  for (const { variable, urlSecret } of databases) values.set(urlSecret, env[variable] ?? databaseUrl);
  const places = databasePlaces(settings);
  for (const [secret, value] of contents(values)) {
    if (secret.startsWith("arn:")) continue; // another account's: it can't be made here
    await create(client, secret, value);
    const place = places.get(secret);
    if (place) await tag(client, secret, place);
  }
}

/**
 * What each secret has to hold: a value, or JSON with one for each key that the settings name.
 *
 * @param values value by the text that names it in the settings
 */
function contents(values: ReadonlyMap<string, string>): Map<string, string> {
  const whole = new Map<string, string>();
  const keys = new Map<string, Record<string, string>>();
  for (const [text, value] of values) {
    const secretId = secretIdOf(text);
    const jsonKey = secretReference(text)?.jsonKey;
    if (jsonKey === undefined) whole.set(secretId, value);
    else keys.set(secretId, { ...keys.get(secretId), [jsonKey]: value });
  }
  return new Map([...whole, ...[...keys].map(([id, members]) => [id, JSON.stringify(members)] as const)]);
}

function secretIdOf(text: string): string {
  return secretReference(text)?.secretId ?? text;
}

async function create(client: SecretsManagerClient, name: string, value: string): Promise<void> {
  try {
    await client.send(new CreateSecretCommand({ Name: name, SecretString: value }));
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error;
  }
}

/**
 * By the secrets with the databases' URLs: where the settings say that the databases are. Those of an
 * existing network, whose blocks the settings leave out, have no place.
 */
function databasePlaces({ agents, network }: StageSettings): Map<string, readonly DatabasePlace[]> {
  const blocks = network.cidr === undefined ? [] : [network.cidr].flat();
  return new Map(
    agents
      .flatMap(({ databases }) => databases)
      .map(({ urlSecret, port, securityGroupId, cidrs = blocks }) => [
        secretIdOf(urlSecret),
        securityGroupId === undefined ? cidrs.map((cidr) => ({ cidr, port })) : [{ securityGroupId, port }],
      ]),
  );
}

/** The URL names a database of this machine; where it stands in the VPC, only its secret can say. */
async function tag(
  client: SecretsManagerClient,
  secret: string,
  places: readonly DatabasePlace[],
): Promise<void> {
  const Tags = [{ Key: DATABASE_PLACES_TAG, Value: JSON.stringify(places) }];
  await client.send(new TagResourceCommand({ SecretId: secret, Tags }));
}
