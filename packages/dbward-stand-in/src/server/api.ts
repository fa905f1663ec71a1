import type { IncomingMessage } from "node:http";
import { isOlder, MIN_AGENT_VERSION, VERSION } from "../version.ts";
import { type AgentRegistry, subjects } from "./agent-registry.ts";
import {
  ApiError,
  conflict,
  forbidden,
  invalid,
  notFound,
  type Reply,
  readJsonObject,
} from "./http-answer.ts";
import { allows } from "./permissions.ts";
import { metricsText } from "./prometheus.ts";
import {
  agentReport,
  type Body,
  finishedJobs,
  identifier,
  requiredString,
  stringList,
} from "./request-body.ts";
import type { RequestQueue } from "./request-queue.ts";
import type { ServerConfig } from "./server-config.ts";
import type { StateStore, TokenRecord } from "./state.ts";
import { findToken, mintToken, revokeToken } from "./tokens.ts";

/** What the routes work on. */
export interface ApiParts {
  readonly config: ServerConfig;
  readonly store: StateStore;
  readonly queue: RequestQueue;
  readonly agents: AgentRegistry;
  /** Whether the server is stopping: reads are answered, writes refused. */
  readonly draining: () => boolean;
  /** Name of the part that keeps the server from being ready. */
  readonly degraded: () => Promise<string | undefined>;
}

/** A request on its way to a route. */
interface Call {
  readonly token: TokenRecord;
  readonly body: Body;
  /** The `{id}` of the path. */
  readonly id: string;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** What a user's token must allow; `agent` routes take agents' tokens alone. */
  readonly permission: string | "agent";
  readonly answer: (call: Call) => Promise<Reply> | Reply;
}

/** Answers one request. @throws {ApiError} for every refusal */
export type Api = (request: IncomingMessage) => Promise<Reply>;

/** The HTTP API: dbward's as far as it is known, and the stand-in's own for requests and polls (see README.md). */
export function createApi(parts: ApiParts): Api {
  const { config, store, queue, agents, draining, degraded } = parts;
  const { state } = store;

  const health = () => ok({ status: "ok", version: VERSION, min_agent_version: MIN_AGENT_VERSION });

  async function ready(): Promise<Reply> {
    if (draining()) return { status: 503, body: { status: "draining" } };
    const part = await degraded();
    if (part !== undefined) return { status: 503, body: { status: "degraded", checks: { [part]: "error" } } };
    return ok({ status: "ok", checks: { sqlite: "ok" } });
  }

  async function createUser({ body }: Call): Promise<Reply> {
    const id = identifier(body, "id");
    const roles = stringList(body, "roles");
    const unknown = roles.find((role) => !config.roles.has(role));
    if (unknown !== undefined) throw invalid(`unknown role: ${unknown}`);
    if (state.users.some((user) => user.id === id)) throw conflict(`user already exists: ${id}`);
    state.users.push({ id, roles });
    const { value, record } = mintToken(state, {
      subjectId: id,
      subjectType: "user",
      name: "initial",
      initial: true,
    });
    await store.save();
    return { status: 201, body: { id, token: value, token_prefix: record.prefix, roles, groups: [] } };
  }

  async function reissueInitialToken({ id }: Call): Promise<Reply> {
    if (!state.users.some((user) => user.id === id)) throw notFound(`user not found: ${id}`);
    const old = state.tokens.findLast(
      (token) => token.subjectType === "user" && token.subjectId === id && token.initial,
    );
    if (old) revokeToken(old);
    const { value, record } = mintToken(state, {
      subjectId: id,
      subjectType: "user",
      name: "initial",
      initial: true,
    });
    await store.save();
    return ok({
      reissued_token_id: record.id,
      revoked_old_token_id: old?.id ?? null,
      token: value,
      token_prefix: record.prefix,
    });
  }

  async function createAgentToken({ body }: Call): Promise<Reply> {
    if (requiredString(body, "subject_type") !== "agent")
      throw forbidden("tokens for other users cannot be created here", "use POST /api/users");
    const subjectId = identifier(body, "subject_id");
    const name = typeof body.name === "string" ? body.name : subjectId;
    const { value, record } = mintToken(state, { subjectId, subjectType: "agent", name, initial: false });
    await store.save();
    return {
      status: 201,
      body: {
        id: record.id,
        token: value,
        prefix: record.prefix,
        subject_id: subjectId,
        subject_type: "agent",
        name,
      },
    };
  }

  async function deleteToken({ id }: Call): Promise<Reply> {
    const token = state.tokens.find((each) => each.id === id);
    if (!token) throw notFound(`token not found: ${id}`);
    revokeToken(token);
    await store.save();
    return ok({ id, status: "revoked" });
  }

  async function createRequest({ body, token }: Call): Promise<Reply> {
    const database = requiredString(body, "database");
    const environment = requiredString(body, "environment");
    const environments = config.databases.get(database);
    if (config.databases.size > 0 && !environments) throw invalid(`unknown database: ${database}`);
    if (environments && !environments.includes(environment))
      throw invalid(`unknown environment: ${environment}`);
    const request = queue.create({
      database,
      environment,
      operation: requiredString(body, "operation"),
      sql: requiredString(body, "sql"),
      createdBy: token.subjectId,
    });
    // Looked at before the wait: an agent may have it by the end of that.
    const created = requestView(request);
    await store.save();
    return { status: 201, body: created };
  }

  function findRequest(id: string) {
    const request = queue.find(id);
    if (!request) throw notFound(`request not found: ${id}`);
    return request;
  }

  async function approveRequest({ id }: Call): Promise<Reply> {
    const request = findRequest(id);
    if (request.status !== "pending") throw conflict(`request is ${request.status}`);
    queue.approve(request);
    const approved = requestView(request);
    await store.save();
    return ok(approved);
  }

  async function agentPoll({ body, token }: Call): Promise<Reply> {
    if (isOlder(requiredString(body, "version"), MIN_AGENT_VERSION))
      throw new ApiError(
        426,
        "upgrade_required",
        `agent is older than ${MIN_AGENT_VERSION}`,
        "upgrade the agent",
      );
    const instance = requiredString(body, "instance");
    const report = agentReport(body);
    agents.seen(token.subjectId, instance, report);
    const { jobs, changed } = queue.exchange(instance, report, finishedJobs(body));
    if (changed) await store.save();
    return ok({ jobs });
  }

  const routes: readonly Route[] = [
    {
      method: "GET",
      path: /^\/metrics$/,
      permission: "metrics.view",
      answer: () => ok(metricsText(queue, subjects(state).length)),
    },
    {
      method: "GET",
      path: /^\/api\/agents$/,
      permission: "metrics.view",
      answer: () => ok({ agents: agents.rows(state) }),
    },
    { method: "POST", path: /^\/api\/users$/, permission: "user.manage", answer: createUser },
    {
      method: "POST",
      path: /^\/api\/users\/([^/]+)\/reissue-initial-token$/,
      permission: "user.manage",
      answer: reissueInitialToken,
    },
    {
      method: "GET",
      path: /^\/api\/tokens$/,
      permission: "token.manage",
      answer: () => ok({ tokens: state.tokens.map(tokenView) }),
    },
    { method: "POST", path: /^\/api\/tokens$/, permission: "token.manage", answer: createAgentToken },
    { method: "DELETE", path: /^\/api\/tokens\/([^/]+)$/, permission: "token.manage", answer: deleteToken },
    {
      method: "GET",
      path: /^\/api\/requests$/,
      permission: "request.view",
      answer: () => ok({ requests: state.requests.map(requestView) }),
    },
    { method: "POST", path: /^\/api\/requests$/, permission: "request.create", answer: createRequest },
    {
      method: "GET",
      path: /^\/api\/requests\/([^/]+)$/,
      permission: "request.view",
      answer: ({ id }) => ok(requestView(findRequest(id))),
    },
    {
      method: "POST",
      path: /^\/api\/requests\/([^/]+)\/approve$/,
      permission: "request.approve",
      answer: approveRequest,
    },
    { method: "POST", path: /^\/api\/agent\/poll$/, permission: "agent", answer: agentPoll },
  ];

  function authenticate(request: IncomingMessage): TokenRecord {
    const [, value] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    const token = value === undefined ? undefined : findToken(state, value);
    if (!token) throw new ApiError(401, "unauthorized", "authentication failed");
    return token;
  }

  function authorize(token: TokenRecord, permission: Route["permission"]): void {
    if (permission === "agent") {
      if (token.subjectType !== "agent") throw forbidden("only agent tokens can access this endpoint");
      return;
    }
    if (token.subjectType === "agent") throw forbidden("agent tokens cannot access this endpoint");
    const roles = state.users.find(({ id }) => id === token.subjectId)?.roles ?? [];
    if (
      !allows(
        roles.flatMap((role) => config.roles.get(role) ?? []),
        permission,
      )
    )
      throw forbidden("permission denied", `this needs the permission ${permission}`);
  }

  return async (request) => {
    const method = request.method ?? "GET";
    const path = new URL(request.url ?? "/", "http://server").pathname;
    if (method === "GET" && path === "/health") return health();
    if (method === "GET" && path === "/ready") return ready();
    if (method !== "GET" && draining())
      throw new ApiError(503, "service_unavailable", "server_shutting_down");
    const token = authenticate(request);
    const atPath = routes.filter((route) => route.path.test(path));
    const route = atPath.find((each) => each.method === method);
    if (!route)
      throw atPath.length > 0 ? new ApiError(405, "method_not_allowed", "method not allowed") : notFound();
    authorize(token, route.permission);
    const body = method === "POST" ? await readJsonObject(request) : {};
    return route.answer({ token, body, id: decodeURIComponent(route.path.exec(path)?.[1] ?? "") });
  };
}

function ok(body: unknown): Reply {
  return { status: 200, body };
}

function tokenView({ id, prefix, name, subjectId, subjectType, createdAt, revokedAt }: TokenRecord) {
  return {
    id,
    prefix,
    name,
    subject_id: subjectId,
    subject_type: subjectType,
    status: revokedAt === undefined ? "active" : "revoked",
    created_at: createdAt,
    revoked_at: revokedAt ?? null,
  };
}

function requestView(request: ReturnType<RequestQueue["create"]>) {
  const { id, database, environment, operation, status, createdBy, createdAt, error } = request;
  return {
    id,
    database,
    environment,
    operation,
    status,
    created_by: createdBy,
    created_at: createdAt,
    error: error ?? null,
  };
}
