import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What the agent asked. */
export interface AgentCall {
  /** Method and path. */
  readonly call: string;
  readonly authorization: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: the body of a poll, whose shape is what the tests look at
  readonly body: any;
}

/** A status and a JSON body; 0 closes the connection without an answer. */
export type ScriptedAnswer = { readonly status: number; readonly json?: unknown };

/** An Ed25519 key; the 32 bytes at the end of its DER form are the key itself. */
const KEY = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" }).subarray(-32);
export const PUBLIC_KEY: ScriptedAnswer = { status: 200, json: { public_key: KEY.toString("hex") } };
/** An answer to a poll without work. */
export const NO_JOBS: ScriptedAnswer = {
  status: 200,
  json: {
    jobs: [],
    dry_run_jobs: [],
    preflight_jobs: [],
    server_version: "0.2.0",
    min_agent_version: "0.2.0",
    upgrade_required: false,
  },
};

/** A server that answers agents as a test wants it; its answers are recorded ones. */
export class ScriptedServer {
  readonly calls: AgentCall[] = [];
  /** Answers by method and path; a test puts its own in. */
  readonly answers: Record<string, ScriptedAnswer> = {
    "GET /api/public-key": PUBLIC_KEY,
    "POST /api/agent/poll": NO_JOBS,
    "POST /api/agent/schema-sync": { status: 200 },
  };
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString("utf8");
      const call = `${request.method} ${request.url}`;
      const { authorization } = request.headers;
      this.calls.push({ call, authorization, body: text === "" ? undefined : JSON.parse(text) });
      const { status, json } = this.answers[call] ?? { status: 404 };
      if (status === 0) return void request.socket.destroy();
      response
        .writeHead(status, { "content-type": "application/json", "x-dbward-version": "0.2.0" })
        .end(json === undefined ? "" : JSON.stringify(json));
    });
  }

  static async start(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    await new Promise<void>((resolve) => scripted.#server.listen(0, "127.0.0.1", resolve));
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How often a call was made. */
  count(call: string): number {
    return this.calls.filter((each) => each.call === call).length;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
