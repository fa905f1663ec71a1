import type { WebSocketConstructor, WebSocketLike } from "./web-socket.ts";

/**
 * Largest message that is taken, in bytes. The agent's have about 1200; `ws` refuses others before it holds
 * them.
 */
const MAX_FRAME = 1024 * 1024;

/** Milliseconds until a socket that wasn't closed by the other side is cut. */
const CLOSE_TIMEOUT = 500;

/** Events of a {@link Connection}. No event follows `lost`. */
export interface ConnectionEvents {
  message(data: Uint8Array | string): void;
  /** Ping or pong. */
  alive(): void;
  /** It didn't come about, or went away. */
  lost(reason: string): void;
}

/** One WebSocket, whichever implementation it is of. */
export class Connection {
  readonly #socket: WebSocketLike;
  #isOver = false;

  private constructor(socket: WebSocketLike) {
    this.#socket = socket;
  }

  /**
   * Connects.
   *
   * @param headers of the request, in addition to those of the WebSocket
   * @returns the open connection, or the reason why there is none
   */
  static open(
    webSocket: WebSocketConstructor,
    url: string,
    events: ConnectionEvents,
    signal: AbortSignal,
    headers: Record<string, string> | undefined,
  ): Promise<Connection | string> {
    const options = { maxPayload: MAX_FRAME, perMessageDeflate: false, followRedirects: false };
    const socket = headers
      ? new webSocket(url, { protocols: [], headers, ...options })
      : new webSocket(url, [], options);
    socket.binaryType = "arraybuffer";
    const connection = new Connection(socket);
    return new Promise((resolve) => {
      let isOpen = false;
      const lose = (reason: string) => {
        if (connection.#isOver) return;
        connection.close();
        if (isOpen) events.lost(reason);
        else resolve(reason);
      };
      const abort = () => lose("it took too long");
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      socket.addEventListener("open", () => {
        isOpen = true;
        signal.removeEventListener("abort", abort);
        resolve(connection);
      });
      socket.addEventListener("error", (event) => lose(errorMessage(event)));
      socket.addEventListener("close", (event) => lose(`the socket was closed with ${closeCode(event)}`));
      socket.addEventListener("message", (event) => {
        if (connection.#isOver) return;
        const { data } = event as { data: ArrayBuffer | string };
        const message = typeof data === "string" ? data : new Uint8Array(data);
        if (message.length > MAX_FRAME) lose(`a message has ${message.length} bytes`);
        else events.message(message);
      });
      socket.on?.("pong", () => events.alive());
      socket.on?.("ping", () => events.alive());
    });
  }

  /** @returns `false` where the WebSocket has no pings */
  ping(): boolean {
    if (this.#isOver || !this.#socket.ping) return false;
    this.#socket.ping("keepalive");
    return true;
  }

  /** Stops reading, or continues, where the WebSocket can: that of `ws`. */
  read(isReading: boolean): void {
    if (this.#isOver) return;
    if (isReading) this.#socket.resume?.();
    else this.#socket.pause?.();
  }

  send(frame: string | Uint8Array): void {
    if (!this.#isOver) this.#socket.send(frame);
  }

  /** Lets go of it. What was sent before still goes out. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.close();
    // Peers of this protocol don't answer a close; half a second is for what is still on its way out.
    if (this.#socket.terminate) setTimeout(() => this.#socket.terminate?.(), CLOSE_TIMEOUT).unref();
  }
}

function errorMessage(event: unknown): string {
  const { message, error } = event as { message?: unknown; error?: { message?: unknown } };
  const text = message || error?.message;
  return typeof text === "string" ? text : "the socket failed";
}

function closeCode(event: unknown): string {
  return `code ${String((event as { code?: unknown }).code ?? "unknown")}`;
}
