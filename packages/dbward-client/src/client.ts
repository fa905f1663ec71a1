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
import { type MetricsSnapshot, parseMetricsText, type RequestCounts, requestCounts } from "./metrics-text.ts";
import {
  type JsonObject,
  list,
  object,
  optionalText,
  optionalTexts,
  parseJson,
  ShapeError,
  text,
} from "./shape.ts";
import { type Answer, Transport } from "./transport.ts";

/** How to reach the server, and how much to take from it. */
export interface DbwardClientOptions {
  /** Base URL, such as `http://server:3000`. */
  readonly url: string;
  /** Milliseconds for a call that is given no deadline. @default 10000 */
  readonly timeoutMs?: number;
  /** Bytes of an answer that are read at most. @default 4 MiB - more than the rows of 10,000 agents */
  readonly maxAnswerBytes?: number;
}

/** What every call may be given. */
export interface CallOptions {
  /** Bearer token. Calls that need none are made without. */
  readonly token?: string;
  /** @default - `timeoutMs` of the client from now */
  readonly deadline?: Deadline;
}

/** A user to create. */
export interface NewUser {
  readonly id: string;
  readonly roles: readonly string[];
}

/** Answer of `POST /api/users`: the only time that the token is shown. */
export interface CreatedUser {
  readonly id: string;
  readonly token: string;
  readonly roles: readonly string[];
}

/** Answer of `POST /api/users/{id}/reissue-initial-token`; the former token has stopped working. */
export interface ReissuedToken {
  readonly token: string;
  readonly reissuedTokenId?: string;
  readonly revokedOldTokenId?: string;
}

/** Answer of `POST /api/tokens`: the only time that the token is shown. */
export interface CreatedToken {
  readonly id: string;
  readonly token: string;
  readonly subjectId: string;
}

/** One row of `GET /api/tokens`: everything but the token. */
export interface TokenInfo {
  readonly id: string;
  /** The 8 hex digits behind `dbw_`. */
  readonly prefix?: string;
  readonly name?: string;
  readonly subjectId?: string;
  readonly subjectType?: string;
  readonly status?: string;
  readonly createdAt?: string;
}

/**
 * Client of one dbward server. Fields and statuses that it doesn't know are passed over; every failure is a
 * `DbwardRequestError` with a `reason` from a closed list. It keeps connections alive and no token: that is an
 * argument of each call.
 */
export class DbwardClient {
  readonly #base: URL;
  readonly #timeoutMs: number;
  readonly #maxBytes: number;
  readonly #transport: Transport;

  /** @throws {ServerUrlError} when the URL is none, or not that of an HTTP server */
  constructor({ url, timeoutMs = 10_000, maxAnswerBytes = 4 * 1024 * 1024 }: DbwardClientOptions) {
    this.#base = readBaseUrl(url);
    this.#timeoutMs = timeoutMs;
    this.#maxBytes = maxAnswerBytes;
    this.#transport = new Transport(this.#base.protocol === "https:");
  }

  /** Ends the idle connections. */
  close(): void {
    this.#transport.close();
  }

  /** `GET /health`. */
  async health(options: CallOptions = {}): Promise<Health> {
    return this.#read("GET", "/health", readHealth, options);
  }

  /** `GET /ready`. A server that drains or is degraded is an answer, not an error. */
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

  /** The queue as `GET /metrics` counts it; needs `metrics.view`. */
  async requestCounts(options: CallOptions): Promise<RequestCounts> {
    const answer = await this.#accepted("GET", "/metrics", options);
    return parse("GET /metrics", answer, (body) => requestCounts(parseMetricsText(body)));
  }

  /**
   * `POST /api/users`; needs an admin's token.
   *
   * @throws {ConflictError} when the user exists
   */
  async createUser({ id, roles }: NewUser, options: CallOptions): Promise<CreatedUser> {
    return this.#read("POST", "/api/users", readCreatedUser, options, { id, roles });
  }

  /** `POST /api/users/{id}/reissue-initial-token`; needs an admin's token. The old token stops working at once. */
  async reissueInitialToken(userId: string, options: CallOptions): Promise<ReissuedToken> {
    const path = `/api/users/${encodeURIComponent(userId)}/reissue-initial-token`;
    return this.#read("POST", path, readReissuedToken, options, {});
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
  if (!URL.canParse(url)) throw new ServerUrlError("is none");
  const base = new URL(url);
  if (base.protocol !== "http:" && base.protocol !== "https:") throw new ServerUrlError("is not one of HTTP");
  if (base.username || base.password || base.search || base.hash) throw new ServerUrlError("says too much");
  return base;
}

/** The error for an answer that is no success. */
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

/** Reads a body. A 5xx that can't be read is the failure of whatever stands before the server. */
function parse<T>(call: string, answer: Answer, reader: (body: string) => T): T {
  try {
    return reader(answer.body);
  } catch (error) {
    if (answer.status >= 500) throw refusal(call, answer);
    // JSON.parse quotes the text in its message, and the text may hold a token: neither message nor cause is kept.
    const problem = error instanceof ShapeError ? error.message : "it is not JSON";
    throw new MalformedAnswerError(call, problem, answer.status);
  }
}

function readCreatedUser(answer: unknown): CreatedUser {
  const user = object(answer, "");
  return { id: text(user, "id", ""), token: text(user, "token", ""), roles: optionalTexts(user, "roles") };
}

function readReissuedToken(answer: unknown): ReissuedToken {
  const reissued = object(answer, "");
  return {
    token: text(reissued, "token", ""),
    ...present({
      reissuedTokenId: optionalText(reissued, "reissued_token_id"),
      revokedOldTokenId: optionalText(reissued, "revoked_old_token_id"),
    }),
  };
}

function readCreatedToken(answer: unknown): CreatedToken {
  const created = object(answer, "");
  return {
    id: text(created, "id", ""),
    token: text(created, "token", ""),
    subjectId: text(created, "subject_id", ""),
  };
}

function readTokens(answer: unknown): TokenInfo[] {
  return list(object(answer, "").tokens, "tokens", (value, path) => readTokenInfo(object(value, path), path));
}

function readTokenInfo(row: JsonObject, path: string): TokenInfo {
  return {
    id: text(row, "id", path),
    ...present({
      prefix: optionalText(row, "token_prefix"),
      name: optionalText(row, "name"),
      subjectId: optionalText(row, "subject_id"),
      subjectType: optionalText(row, "subject_type"),
      status: optionalText(row, "status"),
      createdAt: optionalText(row, "created_at"),
    }),
  };
}

/** The fields that have a value. */
function present<K extends string>(fields: Record<K, string | undefined>): Partial<Record<K, string>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<
    Record<K, string>
  >;
}
