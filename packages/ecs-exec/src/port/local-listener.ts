import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LocalPortInUse } from "./errors.ts";

/** Local connections at the same time; further ones are closed as they come. */
const MAX_CONNECTIONS = 1024;
/** Attempts to find a port that is free for both IPv4 and IPv6. */
const ATTEMPTS = 10;
/**
 * Milliseconds for which the output of a local program is still read, and discarded, after the other end has
 * closed.
 */
const LINGER = 10_000;

/**
 * Listens on 127.0.0.1, and on ::1 where this machine has it, on the same port, and joins every connection
 * with a stream made for it.
 *
 * A local program that stops writing and goes on reading gets its answer. Data of the other end is flushed
 * before a connection ends.
 */
export class LocalListener {
  readonly port: number;
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;

  private constructor(port: number, servers: readonly Server[], sockets: Set<Socket>) {
    this.port = port;
    this.#servers = servers;
    this.#sockets = sockets;
  }

  /**
   * @param port 0 for a free one
   * @param connect makes the other end of a connection; may throw, or wait
   * @throws LocalPortInUse
   */
  static async start(port: number, connect: () => Duplex | Promise<Duplex>): Promise<LocalListener> {
    const sockets = new Set<Socket>();
    const accept = (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      socket.on("error", () => undefined);
      void Promise.resolve()
        .then(connect)
        .then(
          (stream) => join(socket, stream),
          () => socket.resetAndDestroy(),
        );
    };
    for (let attempt = 1; ; attempt++) {
      const first = await listen("127.0.0.1", port, accept);
      if (typeof first === "string") throw new LocalPortInUse(port, { cause: new Error(first) });
      const address = first.address();
      const chosen = typeof address === "object" && address ? address.port : port;
      const second = await listen("::1", chosen, accept);
      if (typeof second !== "string") return new LocalListener(chosen, [first, second], sockets);
      if (second !== "EADDRINUSE") return new LocalListener(chosen, [first], sockets);
      first.close();
      if (port !== 0 || attempt === ATTEMPTS) throw new LocalPortInUse(chosen);
    }
  }

  /** Stops listening; connections go on. */
  stop(): void {
    for (const server of this.#servers) server.close();
  }

  /** Stops listening and closes all connections. */
  close(): void {
    this.stop();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** @returns the server, or the code of the error */
function listen(host: string, port: number, accept: (socket: Socket) => void): Promise<Server | string> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message);
    server.once("error", fail);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", fail);
      server.on("error", () => undefined);
      resolve(server);
    });
  });
}

/** Copies data both ways. */
function join(socket: Socket, stream: Duplex): void {
  stream.on("error", () => undefined);
  if (socket.destroyed) {
    stream.destroy();
    return;
  }
  socket.pipe(stream);
  stream.pipe(socket);
  socket.once("close", () => stream.destroy());
  // The other end has closed; what the local program still writes is discarded.
  stream.once("end", () => socket.unpipe(stream).resume());
  stream.once("close", () => {
    if (socket.destroyed) return;
    if (stream.errored) {
      reset(socket);
      return;
    }
    // Not destroyed at once: that would reset a socket with unread data, and lose its last output.
    socket.resume().end();
    const linger = setTimeout(() => socket.destroy(), LINGER).unref();
    socket.once("close", () => clearTimeout(linger));
  });
}

/** Resets it once its output has been sent, so that a truncated answer doesn't look complete. */
function reset(socket: Socket): void {
  if (socket.writableLength === 0) socket.resetAndDestroy();
  else socket.write(Buffer.alloc(0), () => socket.resetAndDestroy());
}
