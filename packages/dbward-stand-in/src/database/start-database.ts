import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { STAND_IN_DATABASE } from "../entries.ts";
import { nodeOptions } from "../node-options.ts";
import type { Listening } from "./main.ts";

/** A running database. */
export interface StandInDatabase {
  /** `postgres://USER:PASSWORD@127.0.0.1:PORT/app`. */
  readonly url: string;
  /** Ends it; what was written is lost. */
  close(): Promise<void>;
}

/**
 * Starts a PostgreSQL where none is configured: PGlite, which is PostgreSQL as WebAssembly, in a process of
 * its own that ends with this one. It is empty, keeps everything in memory, listens on the loopback alone,
 * and asks for a password that is made up here. It listens at once; the first connection waits for the
 * database, 0.7 s, or 4 s where `cacheDirectory` has no prepared one.
 *
 * @param cacheDirectory where the prepared database is kept from one start to the next
 * @throws when the process ends before it listens
 */
export async function startDatabase(cacheDirectory: string): Promise<StandInDatabase> {
  const password = randomBytes(16).toString("hex");
  const child = fork(STAND_IN_DATABASE, [cacheDirectory], {
    execArgv: nodeOptions(STAND_IN_DATABASE),
    env: { PATH: process.env.PATH, PGPASSWORD: password },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const message = await Promise.race([once(child, "message"), ended.then(() => undefined)]);
  if (!message) throw new Error("the database ended before it listened");
  const { port } = message[0] as Listening;
  child.unref();
  child.channel?.unref();
  return {
    url: `postgres://dbward:${password}@127.0.0.1:${port}/app`,
    close: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
