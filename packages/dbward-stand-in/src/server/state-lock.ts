import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { Fatal } from "../fatal.ts";

/** What the lock file says: who answers on which loopback port with which word. */
interface Owner {
  readonly pid: number;
  readonly port: number;
  readonly word: string;
}

/**
 * Keeps a second writer off a state directory, loudly. The owner listens on a loopback port for as long as it lives,
 * so that a lock left by a killed process is known for what it is, whoever has its process id by then.
 */
export class StateLock {
  readonly #file: string;
  readonly #word: string;
  readonly #listener: Server;

  private constructor(file: string, word: string, listener: Server) {
    this.#file = file;
    this.#word = word;
    this.#listener = listener;
  }

  /** @throws {Fatal} when another process that lives owns the directory */
  static async take(directory: string): Promise<StateLock> {
    const file = join(directory, "dbward.lock");
    const word = randomUUID();
    const listener = createServer((socket) => socket.on("error", () => undefined).end(word));
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const { port } = listener.address() as AddressInfo;
    const mine = `${file}.${word}`;
    await writeFile(mine, JSON.stringify({ pid: process.pid, port, word } satisfies Owner));
    try {
      // A link is made whole or not at all, and never over a file that is there.
      while (!(await linked(mine, file))) await removeIfStale(file, directory);
    } catch (error) {
      listener.close();
      throw error;
    } finally {
      await rm(mine, { force: true });
    }
    return new StateLock(file, word, listener);
  }

  /** Whether the directory is still this process's own. */
  async held(): Promise<boolean> {
    return (await readOwner(this.#file))?.word === this.#word;
  }

  async release(): Promise<void> {
    if (await this.held()) await rm(this.#file, { force: true });
    this.#listener.close();
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function removeIfStale(file: string, directory: string): Promise<void> {
  const owner = await readOwner(file);
  if (owner && (await lives(owner)))
    throw new Fatal(
      `Error: state directory ${directory} is in use by another dbward-server (pid ${owner.pid}); two writers corrupt the database`,
    );
  // Between reading and removing, another starter may have done the same and put its own lock there: what is moved
  // away is looked at once more, and given back when it isn't the stale one.
  const aside = `${file}.${randomUUID()}`;
  await rename(file, aside).catch(() => undefined);
  const moved = await readOwner(aside);
  if (moved && moved.word !== owner?.word) await linked(aside, file);
  await rm(aside, { force: true });
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

/** A listener that is there and says nothing counts as alive: a stopped process still owns its files. */
function lives({ port, word }: Owner): Promise<boolean> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect({ host: "127.0.0.1", port, timeout: SILENCE_MS });
    socket.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
    socket.on("timeout", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
    socket.on("end", () => resolve(said === word));
  });
}

const SILENCE_MS = 2_000;
