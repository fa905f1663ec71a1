import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Where a gate leads. */
export interface GateOptions {
  /** Asked at each connection. @returns why it can't be made; `undefined` when it can */
  readonly closed: () => Promise<string | undefined>;
  /** Address on this machine. */
  readonly target: () => { readonly host: string; readonly port: number };
  /** Called with the reason when a connection gets no answer, unless it is the same as before. */
  readonly onClosed: (reason: string) => void;
}

/** Milliseconds after which a system gives up a connection without an answer. */
const UNANSWERED_MS = 130_000;

/**
 * An address of the loopback interface that stands for one end of a path through a VPC. It leads on while the
 * path is open; else it never answers, as packets that no rule lets through are dropped.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #lastReason: string | undefined;

  private constructor(options: GateOptions) {
    this.#options = options;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      this.#keep(socket);
      void this.#lead(socket);
    });
  }

  static async open(options: GateOptions): Promise<Gate> {
    const gate = new Gate(options);
    gate.#server.listen(0, "127.0.0.1");
    await once(gate.#server, "listening");
    gate.#server.unref();
    return gate;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #lead(socket: Socket): Promise<void> {
    const reason = await this.#options.closed().catch((error: unknown) => String(error));
    if (reason !== undefined) {
      if (reason !== this.#lastReason) this.#options.onClosed(reason);
      this.#lastReason = reason;
      // What arrives is dropped; the end of the other side is noticed.
      socket.resume();
      socket.once("end", () => socket.destroy());
      setTimeout(() => socket.destroy(), UNANSWERED_MS).unref();
      return;
    }
    this.#lastReason = undefined;
    if (socket.destroyed) return;
    const onward = connect({ ...this.#options.target(), allowHalfOpen: true });
    this.#keep(onward);
    // A refused connection must not look like one that ends in peace.
    onward.once("error", () => socket.resetAndDestroy());
    socket.once("close", () => onward.destroy());
    onward.once("close", () => socket.destroy());
    socket.pipe(onward);
    onward.pipe(socket);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }
}
