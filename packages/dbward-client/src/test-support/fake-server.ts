import http from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** An HTTP server on loopback that answers as a test tells it. */
export interface FakeServer {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** Connections that were opened so far. */
  readonly connections: readonly Socket[];
  close(): Promise<void>;
}

export type Responder = (request: SeenRequest, response: http.ServerResponse) => void;

/** Answers every request with `status` and `body`. */
export function always(status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): Responder {
  return (_request, response) => {
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  };
}

export async function startFakeServer(responder: Responder): Promise<FakeServer> {
  const seen: SeenRequest[] = [];
  const connections: Socket[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = {
      method: request.method ?? "",
      url: request.url ?? "",
      authorization: request.headers.authorization,
      body: Buffer.concat(chunks).toString("utf8"),
    };
    seen.push(one);
    responder(one, response);
  });
  server.on("connection", (socket) => connections.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
