import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** What a listener on this machine serves, and to whom. */
export interface ListenerOptions {
  /** Port on 127.0.0.1. @default 0, any free one */
  readonly port?: number;
  /** Answers a request that was let in. An error that it throws becomes a 500. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
  /** Takes a WebSocket upgrade that was let in. @default - upgrades are refused */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Whether a browser may show what is served: an address that is typed or a link that is followed. @default false */
  readonly pages?: boolean;
  /** Hears of errors of `answer` and `upgrade`. @default - nobody does */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds in which a request must be there, and its headers before. @default 120000 and 10000 */
  readonly patience?: { readonly request: number; readonly headers: number };
}

/** A server that listens on 127.0.0.1. */
export interface Listener {
  readonly port: number;
  /** Such as `http://127.0.0.1:4566`. */
  readonly url: string;
  /** Cuts all connections; new ones are taken. */
  disconnect(): void;
  /** Cuts all connections and stops listening. */
  close(): Promise<void>;
}

const PATIENCE = { request: 120_000, headers: 10_000 };
/** Longer than the pool of any client keeps a connection, so that no request meets one that is being closed. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Listens on 127.0.0.1 for programs of this machine, and keeps web pages out: see {@link foreignRequest}. No request
 * ends the process, whatever it holds.
 *
 * @throws the system's error when the port is in use
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const { answer, upgrade, pages = false, onError, patience = PATIENCE } = options;
  const server = createServer({
    headersTimeout: patience.headers,
    requestTimeout: patience.request,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: Math.min(patience.headers, 5_000) / 2,
  });
  const own = () => (server.address() as AddressInfo | null)?.port ?? 0;
  server.on("request", (request, response) => {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const failed = (error: unknown) => {
      onError?.(error);
      if (response.headersSent) response.destroy();
      else refuse(response, 500, "The request failed.");
    };
    try {
      const reason = foreignRequest(request, own(), { pages });
      if (reason !== undefined) refuse(response, 403, reason);
      else Promise.resolve(answer(request, response)).catch(failed);
    } catch (error) {
      failed(error);
    }
  });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    try {
      const reason = upgrade
        ? foreignRequest(request, own(), { pages: false })
        : "There are no upgrades here.";
      if (reason === undefined) upgrade?.(request, socket, head);
      else endSocket(socket, "403 Forbidden", reason);
    } catch (error) {
      onError?.(error);
      endSocket(socket, "400 Bad Request", "The request is not understood.");
    }
  });
  server.on("connect", (_request, socket: Duplex) => {
    socket.on("error", () => socket.destroy());
    endSocket(socket, "405 Method Not Allowed", "This is no proxy.");
  });
  server.on("clientError", (_error, socket) => {
    socket.on("error", () => socket.destroy());
    if (socket.writable) endSocket(socket, "400 Bad Request", "The request is not understood.");
    else socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  return {
    port: own(),
    url: `http://127.0.0.1:${own()}`,
    disconnect: () => server.closeAllConnections(),
    close: () => close(server),
  };
}

/** What a browser must not do with an answer, whoever wrote it. */
const HEADERS = {
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Why a request is not let in: it comes from a web page of another site, or is meant for another host.
 *
 * Any page can make a browser send requests to 127.0.0.1. A name that an attacker rebinds to that address shows in
 * `Host`; a script, form or frame of another site shows in `Origin` or in the `Sec-Fetch` headers, which no page can
 * set. Programs send none of them.
 *
 * @param port that the request came to
 * @param pages whether a browser may show what is served
 * @returns `undefined` for a request that is let in
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function foreignRequest(
  request: Pick<IncomingMessage, "headers" | "url">,
  port: number,
  { pages }: { readonly pages: boolean },
): string | undefined {
  const { host, origin, "sec-fetch-site": site, "sec-fetch-mode": mode } = request.headers;
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (host === undefined || !hosts.includes(host.toLowerCase()))
    return "The Host header does not name this server.";
  if (!request.url?.startsWith("/")) return "The address is not one of this server.";
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    return "The request comes from another site.";
  if (mode === "navigate") {
    // A link on another page may lead to a page: it is shown to the person, and to no script.
    if (!pages || request.headers["sec-fetch-dest"] !== "document")
      return "A browser can't open this address.";
  } else if (site !== undefined && site !== "same-origin" && site !== "none")
    return "The request comes from another site.";
  return undefined;
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`${text}\n`);
}

function endSocket(socket: Duplex, status: string, text: string): void {
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // A client that does not read would keep the connection.
    () => socket.destroy(),
  );
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
