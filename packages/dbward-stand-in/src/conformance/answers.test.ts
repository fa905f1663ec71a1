import { describe, expect, it } from "vitest";
import { type Expectation, holds, titled, useServer } from "./support/cast.ts";

const cast = useServer();
const expectAll = (expectations: readonly Expectation[]) =>
  it.each(titled(expectations))("%s", async (_, expectation) => {
    await holds(cast, expectation);
  });

const UNAUTHORIZED = { error: "authentication failed", code: "unauthorized" };
const withAuthorization = (authorization: string) => ({ headers: { authorization } });

describe("who may call", () => {
  expectAll([
    { as: "nobody", call: "GET /api/agents", status: 401, answer: UNAUTHORIZED },
    { as: "nobody", call: "GET /metrics", status: 401, answer: UNAUTHORIZED },
    { as: "nobody", call: "GET /api/nothing", status: 401, answer: UNAUTHORIZED },
    ...[
      ["a wrong token", `Bearer dbw_${"0".repeat(32)}`],
      ["no token", "Bearer "],
      ["Basic", "Basic YWRtaW46YWRtaW4="],
      ["a JWT", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"],
    ].map(
      ([name, authorization]): Expectation => ({
        name: name!,
        as: "nobody",
        call: "GET /api/agents",
        raw: withAuthorization(authorization!),
        status: 401,
        answer: UNAUTHORIZED,
      }),
    ),
    { as: "roleless", call: "GET /api/me", status: 403, code: "auth.insufficient_scope" },
    { as: "roleless", call: "GET /api/nothing", status: 403, code: "auth.insufficient_scope" },
    ...["GET /api/agents", "GET /metrics", "POST /api/users", "GET /api/nothing", "GET /api/me"].map(
      (call): Expectation => ({
        as: "agent",
        call,
        status: 403,
        answer: { error: "agent tokens cannot access this endpoint", code: "forbidden" },
      }),
    ),
    {
      as: "admin",
      call: "POST /api/agent/poll",
      body: { capabilities: { scopes: [] } },
      status: 403,
      code: "forbidden",
    },
    { as: "admin", call: "GET /api/public-key", status: 403, code: "forbidden" },
    ...[
      "GET /api/users",
      "GET /api/tokens",
      "GET /api/requests",
      "GET /api/workflows",
      "GET /api/databases",
      "GET /api/audit/events",
      "GET /api/results",
    ].map(
      (call): Expectation => ({
        as: "poller",
        call,
        status: 403,
        answer: { error: "forbidden", code: "forbidden", hint: expect.any(String) },
      }),
    ),
    { as: "requester", call: "GET /api/agents", status: 403, code: "forbidden" },
    { as: "requester", call: "GET /metrics", status: 403, text: /^\{"error":(?!.*"code")/ },
    { as: "operator", call: "GET /api/agents", status: 200 },
    { as: "operator", call: "GET /metrics", status: 200 },
    { as: "poller", call: "GET /api/me", status: 200 },
  ]);

  it("takes `Bearer` with a capital letter alone", async () => {
    const { token } = cast.as("admin");
    for (const [scheme, status] of [
      ["Bearer", 200],
      ["bearer", 401],
      ["BEARER", 401],
    ] as const)
      await holds(cast, {
        as: "nobody",
        call: "GET /api/agents",
        raw: withAuthorization(`${scheme} ${token}`),
        status,
      });
  });
});

describe("what isn't there", () => {
  expectAll([
    { as: "admin", call: "GET /api/nothing", status: 404, text: "" },
    { as: "poller", call: "GET /api/whoami", status: 404, text: "" },
    { as: "admin", call: "DELETE /api/users", status: 405, text: "", headers: { allow: "GET,HEAD,POST" } },
    { as: "nobody", call: "DELETE /api/users", status: 401 },
    { as: "poller", call: "PUT /api/agents", status: 405, text: "", headers: { allow: "GET,HEAD" } },
    { as: "nobody", call: "HEAD /health", status: 200, text: "" },
    { as: "admin", call: "HEAD /api/agents", status: 200, text: "" },
    {
      as: "admin",
      call: "GET /api/users/nobody",
      status: 404,
      answer: { code: "request.not_found", hint: null },
    },
    {
      as: "admin",
      call: "DELETE /api/tokens/x",
      status: 404,
      answer: { code: "request.not_found", hint: null },
    },
    {
      as: "requester",
      call: "GET /api/requests/00000000-0000-4000-8000-000000000000",
      status: 404,
      answer: { code: "request.not_found", hint: null },
    },
  ]);
});

describe("bodies", () => {
  const json = (body: string) => ({ body, type: "application/json" });
  const plain = /^[^{]/;
  expectAll([
    { name: "no JSON", as: "admin", call: "POST /api/users", raw: json("{"), status: 400, text: plain },
    { name: "empty", as: "admin", call: "POST /api/users", raw: json(""), status: 400, text: plain },
    {
      name: "no content type",
      as: "admin",
      call: "POST /api/users",
      raw: { body: "{}" },
      status: 415,
      text: plain,
    },
    {
      name: "another content type",
      as: "admin",
      call: "POST /api/tokens",
      raw: { body: "{}", type: "text/plain" },
      status: 415,
      text: plain,
    },
    { name: "lacks a member", as: "admin", call: "POST /api/tokens", body: {}, status: 422, text: plain },
    {
      name: "a wrong type",
      as: "admin",
      call: "POST /api/tokens",
      body: { subject_id: 1, subject_type: "agent" },
      status: 422,
      text: plain,
    },
    {
      name: "too long",
      as: "admin",
      call: "POST /api/users",
      body: { id: "x".repeat(2 * 1024 * 1024) },
      status: 413,
      text: plain,
    },
    {
      name: "long, but not too long",
      as: "admin",
      call: "POST /api/users",
      body: { id: "x".repeat(2 * 1024 * 1024 - 100) },
      status: 400,
      answer: {
        error: expect.stringMatching(/^validation: /),
        code: "validation.failed",
        hint: expect.any(String),
      },
    },
    { as: "requester", call: "GET /api/requests?limit=x", status: 400, text: plain },
    {
      as: "requester",
      call: "GET /api/requests/00000000-0000-4000-8000-000000000000?wait=-1",
      status: 400,
      text: plain,
    },
  ]);
});

describe("without a token", () => {
  expectAll([
    {
      as: "nobody",
      call: "GET /health",
      status: 200,
      text: '{"status":"ok","version":"0.2.0","min_agent_version":"0.2.0"}',
      headers: { "content-type": "application/json" },
    },
    { as: "nobody", call: "GET /ready", status: 200, answer: { status: "ok", checks: { sqlite: "ok" } } },
  ]);
});
