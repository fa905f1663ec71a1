import { NoWebSocket } from "../errors.ts";

/** What is used of a WebSocket: Node's own has it, and the one of `ws`. */
export interface WebSocketLike {
  binaryType: string;
  send(data: string | Uint8Array): void;
  close(code?: number): void;
  addEventListener(type: "open" | "close" | "error" | "message", listener: (event: unknown) => void): void;
  /** Only with `ws`. */
  ping?(data?: string): void;
  /** Only with `ws`. */
  terminate?(): void;
  /** Only with `ws`. */
  pause?(): void;
  /** Only with `ws`. */
  resume?(): void;
  /** Only with `ws`. */
  on?(type: "pong" | "ping", listener: () => void): unknown;
}

/** Makes a WebSocket and starts to connect it. */
export interface WebSocketConstructor {
  new (
    url: string,
    /** Headers travel in an object in this place, which `ws` and Node's own WebSocket both take. */
    protocols?: string[] | Record<string, unknown>,
    options?: Record<string, unknown>,
  ): WebSocketLike;
  readonly prototype: WebSocketLike;
}

/**
 * The runtime's own WebSocket if it has one, else that of the package `ws`, which is loaded only then.
 *
 * @throws NoWebSocket when there is neither
 */
export async function defaultWebSocket(): Promise<WebSocketConstructor> {
  const own = (globalThis as { WebSocket?: unknown }).WebSocket;
  if (own) return own as WebSocketConstructor;
  try {
    return (await import("ws")).default as unknown as WebSocketConstructor;
  } catch (cause) {
    throw new NoWebSocket({ cause });
  }
}
