import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { startDatabase } from "../../database/start-database.ts";
import { AGENT } from "./program.ts";

/** A PostgreSQL: the one that `DATABASE_URL` names in `pnpm conformance`, else one that is started. */
export async function openDatabase(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const named = process.env.CONFORMANCE_PROGRAMS === "environment" ? process.env.DATABASE_URL : undefined;
  if (named) return { url: named, close: async () => undefined };
  // A real agent keeps several connections busy at once, and the database that is started here has one.
  if (AGENT.real) throw new Error("a real agent needs a real PostgreSQL: set DATABASE_URL");
  return startDatabase(join(import.meta.dirname, "../../../node_modules/.cache"));
}

/** A connection to a database that can be interrupted and restored. */
export class CutableWay {
  readonly url: string;
  readonly #sockets = new Set<Socket>();
  readonly #close: () => Promise<void>;
  #cut = false;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async to(databaseUrl: string): Promise<CutableWay> {
    const target = new URL(databaseUrl);
    const server = createServer((socket) => {
      if (way.#cut) return void socket.destroy();
      const upstream = connect(Number(target.port || 5432), target.hostname);
      for (const each of [socket, upstream]) {
        way.#sockets.add(each);
        each.on("error", () => each.destroy());
        each.on("close", () => way.#sockets.delete(each));
      }
      socket.pipe(upstream).pipe(socket);
      socket.on("close", () => upstream.destroy());
      upstream.on("close", () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = new URL(databaseUrl);
    url.hostname = "127.0.0.1";
    url.port = String((server.address() as { port: number }).port);
    const way = new CutableWay(url.href, async () => {
      way.cut();
      await new Promise((resolve) => server.close(resolve));
    });
    return way;
  }

  cut(): void {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  open(): void {
    this.#cut = false;
  }

  close(): Promise<void> {
    return this.#close();
  }
}
