import { createServer } from "node:net";
import { Deadline } from "@dbward-aws/core";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  always,
  type Responder,
  startHttpServer,
  type TestServer,
} from "../../core/src/test-support/http-server.ts";
import { DbwardClient } from "./client.ts";
import {
  AnswerTooLargeError,
  ConflictError,
  DbwardRequestError,
  MalformedAnswerError,
  RedirectError,
  RequestRefusedError,
  ServerDrainingError,
  ServerFailedError,
  ServerUnreachableError,
  ServerUrlError,
  TokenRefusedError,
} from "./errors.ts";

/** A token that must appear in a header and in an answer only. */
const CANARY = `dbw_${"c0ffee00".repeat(4)}`;

const started: TestServer[] = [];
const clients: DbwardClient[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const client of clients.splice(0)) client.close();
  await Promise.all(started.splice(0).map((server) => server.close()));
});

async function serve(responder: Responder): Promise<TestServer> {
  const server = await startHttpServer(responder);
  started.push(server);
  return server;
}

function connect(url: string, maxAnswerBytes?: number): DbwardClient {
  const client = new DbwardClient({ url, ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }) });
  clients.push(client);
  return client;
}

async function failure(call: Promise<unknown>): Promise<DbwardRequestError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DbwardRequestError);
  expect(JSON.stringify([error, (error as Error).message, String((error as Error).cause)])).not.toContain(
    CANARY,
  );
  return error as DbwardRequestError;
}

// As recorded from a dbward-server 0.2.0.
const RECORDED = {
  health: { status: "ok", version: "0.2.0", min_agent_version: "0.2.0" },
  ready: { status: "ok", checks: { sqlite: "ok" } },
  agents: {
    agents: [
      {
        id: "payments-agent",
        status: "healthy",
        last_poll_ago_secs: 0,
        in_flight: 1,
        max_concurrent: 4,
        uptime_secs: 12,
        active_jobs: [],
        capabilities: { scopes: [{ database: "app", environment: "production" }] },
      },
    ],
  },
  unauthorized: { error: "authentication failed", code: "unauthorized" },
  forbidden: { error: "agent tokens cannot access this endpoint", code: "forbidden" },
  shuttingDown: { error: "server_shutting_down", code: "service_unavailable" },
};

describe("answers", () => {
  it("reads health", async () => {
    const server = await serve(always(200, RECORDED.health));
    expect(await connect(server.url).health()).toEqual({ version: "0.2.0", minAgentVersion: "0.2.0" });
    expect(server.requests[0]).toMatchObject({ method: "GET", url: "/health" });
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    [200, RECORDED.ready, { state: "ready", checks: { sqlite: "ok" } }],
    [503, { status: "draining" }, { state: "draining", checks: {} }],
    [
      503,
      { status: "degraded", checks: { sqlite: "unavailable" } },
      { state: "degraded", checks: { sqlite: "unavailable" } },
    ],
    [503, { status: "something-new" }, { state: "degraded", checks: {} }],
  ])("reads readiness: %i %j", async (status, body, expected) => {
    const server = await serve(always(status, body));
    expect(await connect(server.url).ready()).toEqual(expected);
  });

  it("reads agents, sends the token in a header, and ignores unknown fields and statuses", async () => {
    const body = {
      agents: [
        ...RECORDED.agents.agents,
        { ...RECORDED.agents.agents[0], id: "b", status: "resting", new: {} },
      ],
    };
    const server = await serve(always(200, body));
    expect(await connect(`${server.url}/`).agents({ token: CANARY })).toEqual([
      { id: "payments-agent", status: "healthy", lastPollAgeSeconds: 0, inFlight: 1, maxConcurrent: 4 },
      { id: "b", status: "resting", lastPollAgeSeconds: 0, inFlight: 1, maxConcurrent: 4 },
    ]);
    expect(server.requests[0]).toMatchObject({
      url: "/api/agents",
      headers: { authorization: `Bearer ${CANARY}` },
    });
  });

  it("reads a character that arrives in two chunks", async () => {
    const bytes = Buffer.from(JSON.stringify({ version: "größe" }));
    const cut = bytes.indexOf(0xc3) + 1;
    const server = await serve((_request, response) =>
      response.write(bytes.subarray(0, cut), () => setImmediate(() => response.end(bytes.subarray(cut)))),
    );
    expect(await connect(server.url).health()).toEqual({ version: "größe" });
  });

  it("keeps the path of a base URL", async () => {
    const server = await serve(always(200, RECORDED.health));
    await connect(`${server.url}/dbward/`).health();
    expect(server.requests[0]?.url).toBe("/dbward/health");
  });

  it("creates users, and reissues and creates tokens", async () => {
    const server = await serve(({ url }, response) => {
      const body = url.endsWith("/reissue-initial-token")
        ? { reissued_token_id: "t2", revoked_old_token_id: "t1", token: CANARY }
        : url === "/api/users"
          ? {
              id: "poller",
              token: CANARY,
              token_prefix: "c0ffee00",
              roles: ["cloudwatch-metrics"],
              groups: [],
            }
          : { id: "t3", token: CANARY, prefix: "c0ffee00", subject_id: "payments" };
      response.writeHead(url.endsWith("token") ? 200 : 201).end(JSON.stringify(body));
    });
    const client = connect(server.url);
    const token = CANARY;
    expect(await client.createUser({ id: "poller", roles: ["cloudwatch-metrics"] }, { token })).toEqual({
      id: "poller",
      token: CANARY,
      roles: ["cloudwatch-metrics"],
    });
    expect(await client.reissueInitialToken("a/b", { token })).toEqual({
      token: CANARY,
      reissuedTokenId: "t2",
      revokedOldTokenId: "t1",
    });
    expect(await client.createAgentToken("payments", "payments", { token })).toEqual({
      id: "t3",
      token: CANARY,
      subjectId: "payments",
    });
    expect(server.requests.map(({ method, url, text }) => [method, url, JSON.parse(text)])).toEqual([
      ["POST", "/api/users", { id: "poller", roles: ["cloudwatch-metrics"] }],
      ["POST", "/api/users/a%2Fb/reissue-initial-token", {}],
      ["POST", "/api/tokens", { subject_id: "payments", subject_type: "agent", name: "payments" }],
    ]);
  });

  it("lists and revokes tokens", async () => {
    const row = {
      id: "t1",
      subject_type: "agent",
      subject_id: "payments",
      token_prefix: "c0ffee00",
      scope_ceiling: null,
      name: null,
      status: "active",
      expires_at: null,
      created_at: "2026-01-01T00:00:00Z",
      revoked_at: null,
    };
    const server = await serve(({ method }, response) =>
      response.end(
        JSON.stringify(
          method === "DELETE" ? { id: "t1", revoked_at: "2026-01-01T00:00:00Z" } : { tokens: [row] },
        ),
      ),
    );
    const client = connect(server.url);
    expect(await client.listTokens({ token: CANARY })).toEqual([
      {
        id: "t1",
        prefix: "c0ffee00",
        subjectId: "payments",
        subjectType: "agent",
        status: "active",
        createdAt: "2026-01-01T00:00:00Z",
      },
    ]);
    await client.revokeToken("t1", { token: CANARY });
    expect(server.requests[1]).toMatchObject({ method: "DELETE", url: "/api/tokens/t1" });
  });

  it("counts requests, from one page of them", async () => {
    const page = { requests: [{ id: "r1" }], total: 1234, limit: 1, offset: 0 };
    const server = await serve((_request, response) => response.end(JSON.stringify(page)));
    expect(await connect(server.url).totalRequests({ token: CANARY })).toBe(1234);
    expect(server.requests[0]).toMatchObject({ method: "GET", url: "/api/requests?limit=1" });
  });

  it("sends a GET again when the server has closed the idle connection", async () => {
    const server = await serve(always(200, RECORDED.health));
    const client = connect(server.url);
    await client.health();
    server.connections[0]?.destroy();
    expect(await client.health()).toMatchObject({ version: "0.2.0" });
  });

  it("does not use a connection again that has been idle for long", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const server = await serve(always(200, RECORDED.health));
    const client = connect(server.url);
    await client.health();
    vi.advanceTimersByTime(60_000);
    await client.health();
    expect(server.connections).toHaveLength(2);
  });

  it("uses its connection again", async () => {
    const server = await serve(always(200, RECORDED.health));
    const client = connect(server.url);
    await client.health();
    await client.health();
    expect(server.connections).toHaveLength(1);
  });
});

describe("refusals", () => {
  it.each([
    [401, RECORDED.unauthorized, TokenRefusedError, "token-refused", "unauthorized"],
    [403, RECORDED.forbidden, TokenRefusedError, "token-refused", "forbidden"],
    [
      409,
      { error: "user exists", code: "request.conflict" },
      ConflictError,
      "unexpected-status",
      "request.conflict",
    ],
    [
      400,
      { error: "unknown role: X", code: "validation.failed" },
      RequestRefusedError,
      "unexpected-status",
      "validation.failed",
    ],
    [404, "<html>", RequestRefusedError, "unexpected-status", undefined],
    [503, RECORDED.shuttingDown, ServerDrainingError, "draining", "service_unavailable"],
    [503, "<html>Service Unavailable", ServerFailedError, "server-error", undefined],
    [
      500,
      { error: `broken ${CANARY}`, code: CANARY.repeat(9) },
      ServerFailedError,
      "server-error",
      undefined,
    ],
  ])("%i %j", async (status, body, type, reason, apiCode) => {
    const server = await serve(always(status, body));
    const error = await failure(connect(server.url).agents({ token: CANARY }));
    expect(error).toBeInstanceOf(type);
    expect({ reason: error.reason, status: error.status, apiCode: error.apiCode }).toEqual({
      reason,
      status,
      apiCode,
    });
  });

  it("does not follow a redirect, so that its token stays with the server", async () => {
    const elsewhere = await serve(always(200, RECORDED.agents));
    const server = await serve(always(302, "", { location: elsewhere.url }));
    const error = await failure(connect(server.url).agents({ token: CANARY }));
    expect(error).toBeInstanceOf(RedirectError);
    expect(error.reason).toBe("redirect");
    expect(elsewhere.requests).toHaveLength(0);
  });

  it("counts a readiness answer that is not dbward's as a failure of the proxy in front of it", async () => {
    const server = await serve(always(503, "<html>Service Unavailable"));
    expect((await failure(connect(server.url).ready())).reason).toBe("server-error");
  });
});

describe("malformed answers", () => {
  it.each([
    ["text that is not JSON", `{"token":"${CANARY}"`, "it is not JSON"],
    ["a list instead of an object", [], "the answer must be an object, but is a list"],
    ["an object instead of a list", { agents: {} }, "agents must be a list, but is an object"],
    ["a row that is null", { agents: [null] }, "agents[0] must be an object, but is null"],
    [
      "a string instead of a number",
      { agents: [{ ...RECORDED.agents.agents[0], in_flight: CANARY }] },
      "agents[0].in_flight must be a number from 0 to 1000000000000, but is a string",
    ],
    [
      "a negative number",
      { agents: [{ ...RECORDED.agents.agents[0], in_flight: -1 }] },
      "agents[0].in_flight must be a number from 0 to 1000000000000, but is a number out of range",
    ],
    [
      "a missing field",
      { agents: [{ id: "a" }] },
      "agents[0].status must be a string that is not empty, but is missing",
    ],
  ])("%s", async (_, body, problem) => {
    const server = await serve(always(200, body));
    const error = await failure(connect(server.url).agents({ token: CANARY }));
    expect(error).toBeInstanceOf(MalformedAnswerError);
    expect(error.reason).toBe("malformed");
    expect(error.message).toContain(problem);
  });

  it("does not take metrics without the family of requests for an empty queue", async () => {
    const server = await serve(always(200, "dbward_agents_active 2\n"));
    const error = await failure(connect(server.url).counts({ token: CANARY }));
    expect(error).toBeInstanceOf(MalformedAnswerError);
    expect(error.message).toContain("dbward_requests_current is missing");
  });

  it.each([
    ["nested lists", "[".repeat(300_000) + "]".repeat(300_000)],
    ["empty objects", `{"agents":[${"{},".repeat(300_000)}{}]}`],
  ])("is rejected before it is parsed: hundreds of thousands of %s", async (_, body) => {
    const server = await serve(always(200, body));
    const error = await failure(connect(server.url).agents({ token: CANARY }));
    expect(error.message).toContain("more than 250000 objects and lists");
  });

  it("names the first row that is wrong, and the rows after it cost nothing", async () => {
    const [row] = RECORDED.agents.agents;
    const server = await serve(always(200, { agents: [row, ...Array(200_000).fill({})] }));
    const error = await failure(connect(server.url).agents({ token: CANARY }));
    expect(error.message).toContain("agents[1].id must be a string that is not empty, but is missing");
  });

  it("stops reading at its limit", async () => {
    const server = await serve((_request, response) => {
      const more = () => {
        while (response.write("x".repeat(65_536))) if (response.destroyed) return;
      };
      response.on("drain", more);
      more();
    });
    const error = await failure(connect(server.url, 1024).metrics({ token: CANARY }));
    expect(error).toBeInstanceOf(AnswerTooLargeError);
    expect(error.reason).toBe("too-large");
  });
});

describe("no answer", () => {
  it("reports a closed port", async () => {
    const server = await startHttpServer(always(200, ""));
    await server.close();
    expect((await failure(connect(server.url).health())).reason).toBe("refused");
  });

  it("reports a name that does not resolve", async () => {
    expect((await failure(connect("http://dbward.invalid:3000").health())).reason).toBe("dns");
  });

  it("reports a deadline that passes before or during the answer", async () => {
    const silent = await serve(() => undefined);
    const halting = await serve((_request, response) => void response.writeHead(200).write("{"));
    for (const { url } of [silent, halting]) {
      const error = await failure(connect(url).health({ deadline: Deadline.after(50) }));
      expect(error).toBeInstanceOf(ServerUnreachableError);
      expect(error.reason).toBe("timeout");
    }
  });

  it("reports a connection that is lost during the answer", async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
    });
    expect((await failure(connect(server.url).health())).reason).toBe("connection");
  });

  it("reports a peer that does not speak HTTP", async () => {
    const peer = createServer((socket) => socket.end("SSH-2.0-OpenSSH\r\n", () => socket.destroy()));
    await new Promise<void>((resolve) => peer.listen(0, "127.0.0.1", resolve));
    const { port } = peer.address() as { port: number };
    expect((await failure(connect(`http://127.0.0.1:${port}`).health())).reason).toBe("malformed");
    await new Promise((resolve) => peer.close(resolve));
  });

  it("throws the caller's own reason when the caller aborts", async () => {
    const server = await serve(() => undefined);
    const controller = new AbortController();
    const deadline = Deadline.after(60_000, controller.signal);
    const call = connect(server.url).health({ deadline });
    controller.abort(new Error("not needed any more"));
    await expect(call).rejects.toThrow("not needed any more");
  });
});

describe("the URL", () => {
  it.each(["server:3000", "ftp://server", "http://user:secret@server", "http://server/?a=b", ""])(
    "%j is refused",
    (url) => {
      expect(() => new DbwardClient({ url })).toThrow(ServerUrlError);
    },
  );
});
