import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { access, mkdir, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { STAND_IN_PREPARE } from "../entries.ts";
import { nodeOptions } from "../node-options.ts";

/**
 * Starts it. Its socket is removed when the process ends.
 *
 * @returns path of the socket on which it takes connections, for this user of the machine alone and without a
 * password
 */
export async function startPglite(cacheDirectory: string): Promise<string> {
  const prepared = await prepare(cacheDirectory);
  const db = await PGlite.create({ loadDataDir: new Blob([await readFile(prepared)]) });
  const folder = await mkdtemp(join(tmpdir(), "dbward-database-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "socket");
  await new PGLiteSocketServer({ db, path, maxConnections: 100 }).start();
  return path;
}

/** A database directory after initdb, which takes 4 s; packed. */
async function prepare(cacheDirectory: string): Promise<string> {
  // Where pnpm has PGlite holds its version.
  const version = createHash("sha256")
    .update(import.meta.resolve("@electric-sql/pglite"))
    .digest("hex");
  const file = join(cacheDirectory, `pglite-${version.slice(0, 12)}.tar.gz`);
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) return file;
  await mkdir(cacheDirectory, { recursive: true });
  const child = fork(STAND_IN_PREPARE, [file], { execArgv: nodeOptions(STAND_IN_PREPARE) });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`a database could not be prepared: the process ended with ${code}`);
  return file;
}
