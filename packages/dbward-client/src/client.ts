import { Deadline } from "@dbward-aws/core";
import { type AgentSnapshot, readAgents } from "./agents.ts";
import {
  ConflictError,
  MalformedAnswerError,
  RedirectError,
  RequestRefusedError,
  readErrorAnswer,
  ServerDrainingError,
  ServerFailedError,
  ServerUrlError,
  TokenRefusedError,
} from "./errors.ts";
import { type Health, type Readiness, readHealth, readReadiness } from "./health.ts";
import {
  type MetricsSnapshot,
  parseMetricsText,
  type RequestCounts,
  requestCounts,
  type ServerCounters,
  serverCounters,
} from "./metrics-text.ts";
import { readTotal } from "./requests.ts";
import { parseJson, ShapeError } from "./schema.ts";
import { type CreatedToken, readCreatedToken, readTokens, type TokenInfo } from "./tokens.ts";
import { type Answer, type Connect, Transport } from "./transport.ts";
import {
  type CreatedUser,
  type CurrentUser,
  type NewUser,
  type ReissuedToken,
  readCreatedUser,
  readCurrentUser,
  readReissuedToken,
  readUsers,
  type UserInfo,
} from "./users.ts";

/** How to reach the server, and how much of an answer to read. */
export interface DbwardClientOptions {
  /** Base URL, such as `http://server:3000`. With `connect`, its host is only what the `Host` header says. */
  readonly url: string;
  /**
   * Opens each connection instead of TCP, such as `() => session.connect()` of a port session into the
   * server's task. The URL must be an `http:` URL then. @default - TCP to the host of `url`
   */
  readonly connect?: Connect;
  /** Milliseconds for a call without a deadline of its own. @default 10000 */
  readonly timeoutMs?: number;
  /** Bytes of an answer that are read at most. @default 4 MiB - more than the rows of 10,000 agents */
  readonly maxAnswerBytes?: number;
}

/** What `GET /metrics` counts. */
export interface ServerCounts {
  readonly requests: RequestCounts;
  readonly counters: ServerCounters;
}

/** Options of every call. */
export interface CallOptions {
  /** Bearer token. @default - none: `/health` and `/ready` need no token */
  readonly token?: string;
  /** @default - `timeoutMs` of the client from now */
  readonly deadline?: Deadline;
}

/**
 * Client of one dbward server. Fields that it does not know are ignored; every failure is a
 * `DbwardRequestError` with a `reason` from a closed list. It keeps connections alive, but never a token:
 * each call takes its own.
 */
export class DbwardClient {
  readonly #base: URL;
  readonly #timeoutMs: number;
  readonly #maxBytes: number;
  readonly #transport: Transport;

  /** @throws {ServerUrlError} when the URL is invalid, or not that of an HTTP server */
  constructor({ url, connect, timeoutMs = 10_000, maxAnswerBytes = 4 * 1024 * 1024 }: DbwardClientOptions) {
    this.#base = readBaseUrl(url);
    const isSecure = this.#base.protocol === "https:";
    if (connect && isSecure) throw new ServerUrlError("is an https: URL, but connect() needs an http: URL");
    this.#timeoutMs = timeoutMs;
    this.#maxBytes = maxAnswerBytes;
    this.#transport = new Transport(isSecure, connect);
  }

  /** Closes the idle connections. */
  close(): void {
    this.#transport.close();
  }

  /** `GET /health`. */
  async health(options: CallOptions = {}): Promise<Health> {
    return this.#read("GET", "/health", readHealth, options);
  }

  /** `GET /ready`. A server that is draining or degraded is an answer, not an error. */
  async ready(options: CallOptions = {}): Promise<Readiness> {
    const call = "GET /ready";
    const answer = await this.#send("GET", "/ready", options);
    if (answer.status !== 200 && answer.status !== 503) throw refusal(call, answer);
    return parse(call, answer, (body) => readReadiness(answer.status, parseJson(body)));
  }

  /** `GET /api/agents`; needs `metrics.view`. */
  async agents(options: CallOptions): Promise<AgentSnapshot[]> {
    return this.#read("GET", "/api/agents", readAgents, options);
  }

  /** `GET /metrics`; needs `metrics.view`. */
  async metrics(options: CallOptions): Promise<MetricsSnapshot> {
    const answer = await this.#accepted("GET", "/metrics", options);
    return parse("GET /metrics", answer, parseMetricsText);
  }

  /** The requests and the counters in `GET /metrics`; needs `metrics.view`. */
  async counts(options: CallOptions): Promise<ServerCounts> {
    const answer = await this.#accepted("GET", "/metrics", options);
    return parse("GET /metrics", answer, (body) => {
      const metrics = parseMetricsText(body);
      return { requests: requestCounts(metrics), counters: serverCounters(metrics) };
    });
  }

  /**
   * `GET /api/requests`: how many requests there are that the user of the token may see; an admin sees all.
   */
  async totalRequests(options: CallOptions): Promise<number> {
    return this.#read("GET", "/api/requests?limit=1", readTotal, options);
  }

  /**
   * `POST /api/users`; needs an admin's token.
   *
   * @throws {ConflictError} when the user exists
   */
  async createUser({ id, roles }: NewUser, options: CallOptions): Promise<CreatedUser> {
    return this.#read("POST", "/api/users", readCreatedUser, options, { id, roles });
  }

  /**
   * `POST /api/users/{id}/reissue-initial-token`; needs an admin's token. The former token stops working at
   * once.
   */
  async reissueInitialToken(userId: string, options: CallOptions): Promise<ReissuedToken> {
    const path = `/api/users/${encodeURIComponent(userId)}/reissue-initial-token`;
    return this.#read("POST", path, readReissuedToken, options, {});
  }

  /** `GET /api/users`; needs an admin's token. Deleted users are not in it. */
  async listUsers(options: CallOptions): Promise<UserInfo[]> {
    return this.#read("GET", "/api/users", readUsers, options);
  }

  /** `DELETE /api/users/{id}`; needs an admin's token. The user's tokens stop working; the id stays taken. */
  async deleteUser(userId: string, options: CallOptions): Promise<void> {
    await this.#accepted("DELETE", `/api/users/${encodeURIComponent(userId)}`, options);
  }

  /**
   * `GET /api/me`: the user of a token.
   *
   * @throws {TokenRefusedError} 401 for an unknown token, 403 for that of an agent
   */
  async me(options: CallOptions): Promise<CurrentUser> {
    return this.#read("GET", "/api/me", readCurrentUser, options);
  }

  /** `POST /api/tokens`: a further token of the user whose token makes the call. */
  async createOwnToken(subjectId: string, name: string, options: CallOptions): Promise<CreatedToken> {
    const body = { subject_id: subjectId, subject_type: "user", name };
    return this.#read("POST", "/api/tokens", readCreatedToken, options, body);
  }

  /** `POST /api/tokens`: a token for one more agent; needs an admin's token. */
  async createAgentToken(subjectId: string, name: string, options: CallOptions): Promise<CreatedToken> {
    const body = { subject_id: subjectId, subject_type: "agent", name };
    return this.#read("POST", "/api/tokens", readCreatedToken, options, body);
  }

  /** `GET /api/tokens`; needs an admin's token. */
  async listTokens(options: CallOptions): Promise<TokenInfo[]> {
    return this.#read("GET", "/api/tokens", readTokens, options);
  }

  /** `DELETE /api/tokens/{id}`; needs an admin's token. */
  async revokeToken(tokenId: string, options: CallOptions): Promise<void> {
    await this.#accepted("DELETE", `/api/tokens/${encodeURIComponent(tokenId)}`, options);
  }

  async #read<T>(
    method: "GET" | "POST",
    path: string,
    reader: (answer: unknown) => T,
    options: CallOptions,
    body?: object,
  ): Promise<T> {
    const answer = await this.#accepted(method, path, options, body);
    return parse(`${method} ${path}`, answer, (text) => reader(parseJson(text)));
  }

  async #accepted(
    method: "GET" | "POST" | "DELETE",
    path: string,
    options: CallOptions,
    body?: object,
  ): Promise<Answer> {
    const answer = await this.#send(method, path, options, body);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw refusal(`${method} ${path}`, answer);
  }

  #send(
    method: "GET" | "POST" | "DELETE",
    path: string,
    { token, deadline = Deadline.after(this.#timeoutMs) }: CallOptions,
    body?: object,
  ): Promise<Answer> {
    return this.#transport.send({
      call: `${method} ${path}`,
      method,
      url: new URL(`${this.#base.pathname.replace(/\/+$/, "")}${path}`, this.#base),
      headers: {
        accept: path === "/metrics" ? "text/plain" : "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: deadline.signal,
      maxBytes: this.#maxBytes,
    });
  }
}

function readBaseUrl(url: string): URL {
  if (!URL.canParse(url)) throw new ServerUrlError("is not a valid URL");
  const base = new URL(url);
  if (base.protocol !== "http:" && base.protocol !== "https:")
    throw new ServerUrlError("is not an http: or https: URL");
  if (base.username || base.password || base.search || base.hash)
    throw new ServerUrlError("contains a user, a password, a query or a fragment");
  return base;
}

/** The error for an answer without success. */
function refusal(call: string, { status, body }: Answer): Error {
  const answer = readErrorAnswer(status, body);
  if (status === 401 || status === 403) return new TokenRefusedError(call, answer);
  if (status === 409) return new ConflictError(call, answer);
  if (status === 503 && answer.apiCode === "service_unavailable")
    return new ServerDrainingError(call, answer);
  if (status >= 500) return new ServerFailedError(call, answer);
  if (status >= 300 && status < 400) return new RedirectError(call, status);
  return new RequestRefusedError(call, answer);
}

/** Reads a body. A 5xx that can't be read comes from a proxy in front of the server. */
function parse<T>(call: string, answer: Answer, reader: (body: string) => T): T {
  try {
    return reader(answer.body);
  } catch (error) {
    if (answer.status >= 500) throw refusal(call, answer);
    // JSON.parse quotes the text in its message, and the text may hold a token: neither message nor cause is
    // kept.
    const problem = error instanceof ShapeError ? error.message : "it is not JSON";
    throw new MalformedAnswerError(call, problem, answer.status);
  }
}
