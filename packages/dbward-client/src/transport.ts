import http from "node:http";
import https from "node:https";
import { StringDecoder } from "node:string_decoder";
import {
  AnswerTooLargeError,
  MalformedAnswerError,
  ServerUnreachableError,
  type UnreachableReason,
} from "./errors.ts";

/** One HTTP exchange. */
export interface Exchange {
  /** How the call is named in errors: `GET /api/agents`. */
  readonly call: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Bytes of answer that are read at most. */
  readonly maxBytes: number;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Keep-alive connections to one server, on `node:http`: the AWS SDK has loaded it already, and it follows no
 * redirect.
 */
export class Transport {
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;
  #lastUsed = 0;

  constructor(secure: boolean) {
    this.#agent = secure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
    this.#request = secure ? https.request : http.request;
  }

  /**
   * @throws {ServerUnreachableError} when no whole answer came
   * @throws {MalformedAnswerError} when it was not HTTP
   * @throws {AnswerTooLargeError} when it was longer than allowed
   * @throws the signal's reason, when the caller aborted for another cause than time
   */
  async send(exchange: Exchange): Promise<Answer> {
    this.#dropStaleConnections();
    try {
      return await this.#exchange(exchange);
    } catch (error) {
      // The server may close an idle connection at the very moment it is used again. A read can be sent twice.
      if (exchange.method !== "GET" || !(error instanceof StaleConnection)) throw translate(error, exchange);
    }
    return this.#exchange(exchange).catch((error: unknown) => {
      throw translate(error, exchange);
    });
  }

  /** Ends the idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * A function that was frozen between two runs wakes with connections that may lead to a task long gone, and
   * would wait on them until its deadline: what has been idle for long is not used again.
   */
  #dropStaleConnections(): void {
    const now = Date.now();
    if (now - this.#lastUsed > MAX_IDLE_MS)
      for (const socket of Object.values(this.#agent.freeSockets).flat()) socket?.destroy();
    this.#lastUsed = now;
  }

  #exchange({ call, method, url, headers, body, signal, maxBytes }: Exchange): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.#request(url, { method, headers, signal, agent: this.#agent });
      request.on("error", (error) => {
        reject(request.reusedSocket && !signal.aborted ? new StaleConnection(error) : error);
      });
      request.on("response", (response) => {
        // Decoded as it comes: a long answer is not held twice.
        const decoder = new StringDecoder("utf8");
        let body = "";
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxBytes) {
            reject(new AnswerTooLargeError(call, maxBytes, response.statusCode ?? 0));
            response.destroy();
          } else body += decoder.write(chunk);
        });
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: body + decoder.end() }));
      });
      request.end(body);
    });
  }
}

/** Idle milliseconds after which a connection isn't used again. */
const MAX_IDLE_MS = 15_000;

/** A connection that was used before broke when it was used again, before any answer. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

function translate(error: unknown, { call, signal }: Exchange): unknown {
  if (error instanceof AnswerTooLargeError) return error;
  if (signal.aborted && (signal.reason as { name?: unknown })?.name !== "TimeoutError") return signal.reason;
  const cause = error instanceof StaleConnection ? error.cause : error;
  if (signal.aborted) return new ServerUnreachableError(call, "timeout", cause);
  const code = String((cause as { code?: unknown } | undefined)?.code);
  // Node's HTTP parser names its errors so. They quote what came, which is not to be shown.
  if (code.startsWith("HPE_")) return new MalformedAnswerError(call, "it is not HTTP");
  return new ServerUnreachableError(call, REASONS[code] ?? "connection", cause);
}

const REASONS: Readonly<Record<string, UnreachableReason>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
};
