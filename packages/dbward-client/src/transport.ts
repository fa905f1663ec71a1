import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import {
  AnswerTooLargeError,
  MalformedAnswerError,
  ServerUnreachableError,
  type UnreachableReason,
} from "./errors.ts";

/** One HTTP exchange. */
export interface Exchange {
  /** Name of the call in errors, such as `GET /api/agents`. */
  readonly call: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Most bytes of an answer that are read. */
  readonly maxBytes: number;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Opens one connection to the server; called whenever the client needs another one. The client destroys the
 * stream when it no longer needs it. What it throws or rejects with becomes the cause of a
 * `ServerUnreachableError`.
 */
export type Connect = () => Duplex | Promise<Duplex>;

/**
 * Keep-alive connections to one server, on `node:http`: the AWS SDK has loaded it already, and it follows no
 * redirects.
 */
export class Transport {
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;
  #lastUsed = 0;

  /** @param connect opens the connections, for plain HTTP only. @default - TCP to the host of the URL */
  constructor(secure: boolean, connect?: Connect) {
    this.#agent = connect
      ? new StreamAgent(connect)
      : secure
        ? new https.Agent({ keepAlive: true })
        : new http.Agent({ keepAlive: true });
    this.#request = secure ? https.request : http.request;
  }

  /**
   * @throws {ServerUnreachableError} when there was no complete answer
   * @throws {MalformedAnswerError} when the answer was not HTTP
   * @throws {AnswerTooLargeError} when it was longer than `maxBytes`
   * @throws the signal's reason, when the signal aborted for another reason than a timeout
   */
  async send(exchange: Exchange): Promise<Answer> {
    this.#dropStaleConnections();
    try {
      return await this.#exchange(exchange);
    } catch (error) {
      // The server may close an idle connection just as it is used again. A GET can be sent twice.
      if (exchange.method !== "GET" || !(error instanceof StaleConnection)) throw translate(error, exchange);
    }
    return this.#exchange(exchange).catch((error: unknown) => {
      throw translate(error, exchange);
    });
  }

  /** Closes the idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * A Lambda function that was frozen between two runs may hold connections to a task that no longer exists,
   * and would wait for them until its deadline: a connection that has been idle for long is not used again.
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
      // A request without a connection emits nothing when its signal aborts.
      const abandon = () => reject(signal.reason);
      signal.addEventListener("abort", abandon, { once: true });
      request.on("close", () => signal.removeEventListener("abort", abandon));
      request.on("error", (error) => {
        reject(request.reusedSocket && !signal.aborted ? new StaleConnection(error) : error);
      });
      request.on("response", (response) => {
        // Decoded chunk by chunk, so that a long answer is not in memory twice.
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

/** Keeps connections of any stream alive, not only of sockets. */
class StreamAgent extends http.Agent {
  readonly #connect: Connect;
  #isClosed = false;

  constructor(connect: Connect) {
    super({ keepAlive: true });
    this.#connect = connect;
  }

  override createConnection(
    _options: unknown,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    new Promise<Duplex>((resolve) => resolve(this.#connect())).then(
      (stream) => {
        if (!this.#isClosed) return done?.(null, asSocket(stream));
        stream.destroy();
        done?.(new Error("the client was closed"), undefined as never);
      },
      (error: unknown) =>
        done?.(error instanceof Error ? error : new Error(String(error)), undefined as never),
    );
  }

  override destroy(): void {
    this.#isClosed = true;
    super.destroy();
  }
}

/** Methods of a socket that `http.Agent` calls on each connection that it keeps. */
const SOCKET_METHODS = ["ref", "unref", "setKeepAlive", "setNoDelay", "setTimeout"] as const;

function asSocket(stream: Duplex): Duplex {
  const socket = stream as Duplex & Partial<Record<(typeof SOCKET_METHODS)[number], () => Duplex>>;
  for (const method of SOCKET_METHODS) socket[method] ??= () => stream;
  return stream;
}

/** Idle milliseconds after which a connection is not used again. */
const MAX_IDLE_MS = 15_000;

/** A kept connection was lost before any answer. */
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
  // Errors of Node's HTTP parser have such codes. They quote the answer, which must not be shown.
  if (code.startsWith("HPE_")) return new MalformedAnswerError(call, "it is not HTTP");
  return new ServerUnreachableError(call, REASONS[code] ?? "connection", cause);
}

const REASONS: Readonly<Record<string, UnreachableReason>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timeout",
};
