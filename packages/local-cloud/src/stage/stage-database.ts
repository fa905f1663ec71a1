import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type StandInDatabase, startDatabase } from "@dbward-aws/dbward-stand-in";

/** Where the agents of a local stage find their database. */
export interface StageDatabase {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The database that `DATABASE_URL` names, else a PostgreSQL that is started for the stage and forgets
 * everything with it.
 *
 * @param directory of the stage; its own database's URL is kept below it for a later deployment, readable by
 * the owner alone
 * @param cacheDirectory where a prepared database is kept from one start to the next
 */
export async function stageDatabase(
  directory: string,
  cacheDirectory: string,
  env: NodeJS.ProcessEnv,
): Promise<StageDatabase> {
  if (env.DATABASE_URL) return { url: env.DATABASE_URL, close: async () => undefined };
  const database: StandInDatabase = await startDatabase(cacheDirectory);
  await writeFile(urlFile(directory), database.url, { mode: 0o600 });
  return database;
}

/** URL of a running stage's database, for a further deployment to it. */
export async function runningDatabaseUrl(directory: string, env: NodeJS.ProcessEnv): Promise<string> {
  return env.DATABASE_URL || readFile(urlFile(directory), "utf8");
}

function urlFile(directory: string): string {
  return join(directory, "tmp", "database-url");
}
