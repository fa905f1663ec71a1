import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** Options of {@link startListener}. */
export interface ListenerOptions {
  /** Port on 127.0.0.1. @default 0 - any free port */
  readonly port?: number;
  /** Answers an admitted request. An error that it throws is answered with 500. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void;
  /** Handles an admitted WebSocket upgrade. @default - upgrades are rejected */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /**
   * Whether a browser may open an address that a person enters, or a link that leads to it. @default false
   */
  readonly pages?: boolean;
  /** Called with the errors of `answer` and `upgrade`. @default - they are ignored */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds within which a request, and its headers, must be complete. @default 120000 and 10000 */
  readonly patience?: { readonly request: number; readonly headers: number };
}

/** A server that listens on 127.0.0.1. */
export interface Listener {
  readonly port: number;
  /** Such as `http://127.0.0.1:4566`. */
  readonly url: string;
  /** Closes all connections; new ones are accepted. */
  disconnect(): void;
  /** Closes all connections and stops listening. */
  close(): Promise<void>;
}

const PATIENCE = { request: 120_000, headers: 10_000 };
/** Longer than any client's pool keeps a connection, so that no request uses one that is being closed. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Listens on 127.0.0.1 for programs of this machine, and rejects requests of web pages: see
 * {@link foreignRequest}. No request can end the process, whatever it contains.
 *
 * @throws the system's error, such as EADDRINUSE
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
        : "This server does not accept upgrades.";
      if (reason === undefined) upgrade?.(request, socket, head);
      else endSocket(socket, "403 Forbidden", reason);
    } catch (error) {
      onError?.(error);
      endSocket(socket, "400 Bad Request", "The request is not valid.");
    }
  });
  server.on("connect", (_request, socket: Duplex) => {
    socket.on("error", () => socket.destroy());
    endSocket(socket, "405 Method Not Allowed", "This server is not a proxy.");
  });
  server.on("clientError", (_error, socket) => {
    socket.on("error", () => socket.destroy());
    if (socket.writable) endSocket(socket, "400 Bad Request", "The request is not valid.");
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

/** Headers that keep other sites from reading an answer in a browser. */
const HEADERS = {
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
} as const;

/**
 * Why a request is rejected: it comes from a web page of another site, or is meant for another host.
 *
 * Any web page can make a browser send requests to 127.0.0.1. A name that an attacker resolves to that
 * address is in `Host`; a script, form or frame of another site has `Origin` or `Sec-Fetch` headers, which no
 * page can set. Programs send none of them.
 *
 * @param port port of the server; `any` for a server that forwarders of this machine lead to as well
 * @param pages whether a browser may open an address
 * @returns `undefined` for a request that is admitted
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function foreignRequest(
  request: Pick<IncomingMessage, "headers" | "url">,
  port: number | "any",
  { pages }: { readonly pages: boolean },
): string | undefined {
  const { host, origin, "sec-fetch-site": site, "sec-fetch-mode": mode } = request.headers;
  const [, named] = /^(?:127\.0\.0\.1|localhost):(\d+)$/i.exec(host ?? "") ?? [];
  if (host === undefined || named === undefined || (port !== "any" && named !== String(port)))
    return "The Host header does not name this server.";
  if (!request.url?.startsWith("/")) return "The URL is not one of this server.";
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    return "The request comes from another site.";
  if (mode === "navigate") {
    // A link of another site may lead to a page: the person sees it, but no script can read it.
    if (!pages || request.headers["sec-fetch-dest"] !== "document") return "A browser can't open this URL.";
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
    // A client that does not read would keep the connection open.
    () => socket.destroy(),
  );
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
