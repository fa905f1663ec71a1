import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";

/** A request whose body has been read. */
export interface TestRequest extends IncomingMessage {
  readonly method: string;
  readonly url: string;
  /** The body, unzipped. */
  readonly text: string;
}

/** Answers a request. One that it leaves alone stays without an answer. */
export type Responder = (request: TestRequest, response: ServerResponse) => unknown;

/** An HTTP server on a free port of loopback. */
export interface TestServer {
  /** Without a slash at its end. */
  readonly url: string;
  /** The requests so far, in the order in which their bodies were complete. */
  readonly requests: readonly TestRequest[];
  /** The connections so far. */
  readonly connections: readonly Socket[];
  /** Ends the server and its connections. */
  close(): Promise<void>;
}

/** Starts an HTTP server that answers as a test says. */
export async function startHttpServer(respond: Responder): Promise<TestServer> {
  const requests: TestRequest[] = [];
  const connections: Socket[] = [];
  const server = createServer(async (message, response) => {
    const body = await buffer(message);
    const text = (message.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
    const request = Object.assign(message, { text }) as TestRequest;
    requests.push(request);
    await respond(request, response);
  });
  server.on("connection", (socket) => connections.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers every request with `status` and `body`, which is sent as JSON unless it is a text. */
export function always(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Responder {
  return (_request, response) =>
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
}
