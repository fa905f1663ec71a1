import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ECSClient } from "@aws-sdk/client-ecs";
import { type WebSocket, WebSocketServer } from "ws";

/** What ECS answers: a status, and a body with a `__type` when it is an error. */
export interface EcsAnswer {
  readonly status?: number;
  readonly body: object;
}

/** How an {@link ExecService} behaves. */
export interface ExecServiceOptions {
  /** @default - every command gets a session */
  readonly ecs?: (operation: string, input: Record<string, unknown>) => EcsAnswer | undefined;
  /** Attempts of the client for ECS. @default 1 */
  readonly maxAttempts?: number;
  /** Whether a request for a socket is let in. @default - all are */
  readonly admits?: (request: IncomingMessage) => boolean;
  /** A client has connected, for the command line that it asked for. */
  readonly session?: (socket: WebSocket, commandLine: string, connection: number) => void;
}

/** An HTTP server with the ECS API's two operations of exec, and a WebSocket server for the sessions. */
export class ExecService {
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly ecs: ECSClient;
  readonly url: string;
  readonly requests: string[] = [];

  private constructor(http: Server, options: ExecServiceOptions) {
    this.#http = http;
    const { port } = http.address() as AddressInfo;
    this.url = `ws://127.0.0.1:${port}/v1/data-channel/session-1?role=publish_subscribe`;
    this.ecs = new ECSClient({
      endpoint: `http://127.0.0.1:${port}`,
      region: "eu-central-1",
      credentials: { accessKeyId: "id", secretAccessKey: "key" },
      maxAttempts: options.maxAttempts ?? 1,
    });
    let commandLine = "";
    let connections = 0;
    http.on("request", async (request, response) => {
      const input = JSON.parse((await text(request)) || "{}") as Record<string, unknown>;
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      this.requests.push(operation);
      if (operation === "ExecuteCommand") commandLine = String(input.command);
      const { status = 200, body } = options.ecs?.(operation, input) ?? {
        body: { session: { sessionId: "session-1", streamUrl: this.url, tokenValue: "canary-token" } },
      };
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    });
    http.on("upgrade", (request, socket, head) => {
      if (options.admits?.(request) === false) {
        socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        options.session?.(client, commandLine, ++connections);
      });
    });
  }

  static async start(options: ExecServiceOptions): Promise<ExecService> {
    const http = createServer();
    await new Promise<void>((resolve) => {
      http.listen(0, "127.0.0.1", resolve);
    });
    return new ExecService(http, options);
  }

  async close(): Promise<void> {
    this.ecs.destroy();
    for (const client of this.#sockets.clients) client.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => {
      this.#http.close(resolve);
    });
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
