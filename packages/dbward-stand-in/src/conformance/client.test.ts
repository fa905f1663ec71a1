import {
  ConflictError,
  DbwardClient,
  RequestRefusedError,
  requestCounts,
  TokenRefusedError,
} from "@dbward-aws/dbward-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { poll, report } from "./support/agent-calls.ts";
import { ID, TIME, TOKEN, useServer } from "./support/cast.ts";

const cast = useServer();
let client: DbwardClient;
beforeAll(() => {
  client = new DbwardClient({ url: cast.server.url });
});
afterAll(() => client?.close());
const as = (caller: "admin" | "poller" | "agent") => ({ token: cast.as(caller).token! });

describe("the client of this repository", () => {
  it("reads health and readiness", async () => {
    expect(await client.health()).toEqual({ version: "0.2.0", minAgentVersion: "0.2.0" });
    expect(await client.ready()).toEqual({ state: "ready", checks: { sqlite: "ok" } });
  });

  it("reads agents", async () => {
    expect(await client.agents(as("poller"))).toEqual([]);
    await poll(cast.as("agent"), { status: report({ in_flight: 1 }) });
    expect(await client.agents(as("poller"))).toEqual([
      { id: "agent", status: "healthy", lastPollAgeSeconds: 0, inFlight: 1, maxConcurrent: 2 },
    ]);
  });

  it("reads metrics", async () => {
    const metrics = await client.metrics(as("poller"));
    expect(requestCounts(metrics)).toMatchObject({
      pending: 0,
      approved: 0,
      dispatched: 0,
      running: 0,
      other: 0,
    });
    expect(metrics.types.get("dbward_http_request_duration_seconds")).toBe("histogram");
    expect(metrics.samples.every(({ value }) => Number.isFinite(value))).toBe(true);
  });

  it("makes users and reissues their tokens", async () => {
    const user = { id: "client", roles: ["cloudwatch-metrics"] };
    const made = await client.createUser(user, as("admin"));
    expect(made).toEqual({ ...user, token: TOKEN });
    await expect(client.createUser(user, as("admin"))).rejects.toBeInstanceOf(ConflictError);
    const reissued = await client.reissueInitialToken("client", as("admin"));
    expect(reissued).toEqual({ token: TOKEN, reissuedTokenId: ID, revokedOldTokenId: ID });
    await expect(client.agents({ token: made.token })).rejects.toBeInstanceOf(TokenRefusedError);
    await client.agents({ token: reissued.token });
    const unknown = client.createUser({ id: "x", roles: ["nope"] }, as("admin"));
    await expect(unknown).rejects.toMatchObject({ status: 400, apiCode: "validation.failed" });
  });

  it("lists and deletes users, and names the user of a token", async () => {
    const { token } = await client.createUser({ id: "deleted", roles: ["cloudwatch-metrics"] }, as("admin"));
    expect(await client.me({ token })).toEqual({ subjectId: "deleted" });
    expect(await client.listUsers(as("admin"))).toContainEqual({ id: "deleted", status: "active" });
    await client.deleteUser("deleted", as("admin"));
    expect((await client.listUsers(as("admin"))).map(({ id }) => id)).not.toContain("deleted");
    await expect(client.me({ token })).rejects.toMatchObject({ status: 401 });
    await expect(client.me(as("agent"))).rejects.toMatchObject({ status: 403 });
  });

  it("makes a further token of the caller, which can be revoked", async () => {
    const made = await client.createOwnToken("admin", "second", as("admin"));
    expect(made).toEqual({ id: ID, token: TOKEN, subjectId: "admin" });
    expect(await client.me({ token: made.token })).toEqual({ subjectId: "admin" });
    await client.revokeToken(made.id, { token: made.token });
    await expect(client.me({ token: made.token })).rejects.toMatchObject({ status: 401 });
  });

  it("makes, lists and revokes tokens of agents", async () => {
    const minted = await client.createAgentToken("reports", "of the client", as("admin"));
    expect(minted).toEqual({ id: ID, token: TOKEN, subjectId: "reports" });
    const found = async () => (await client.listTokens(as("admin"))).find(({ id }) => id === minted.id);
    expect(await found()).toEqual({
      id: minted.id,
      prefix: minted.token.slice(4, 12),
      name: "of the client",
      subjectId: "reports",
      subjectType: "agent",
      status: "active",
      createdAt: TIME,
    });
    await client.revokeToken(minted.id, as("admin"));
    expect(await found()).toMatchObject({ status: "revoked" });
  });

  it("distinguishes refusals", async () => {
    await expect(client.listTokens(as("poller"))).rejects.toBeInstanceOf(TokenRefusedError);
    await expect(client.agents(as("agent"))).rejects.toMatchObject({ status: 403, apiCode: "forbidden" });
    for (let made = 0; made < 5; made++) await client.createAgentToken("five", "n", as("admin"));
    const sixth = client.createAgentToken("five", "n", as("admin"));
    await expect(sixth).rejects.toBeInstanceOf(RequestRefusedError);
    await expect(sixth).rejects.toMatchObject({ status: 400, apiCode: "validation.failed" });
  });
});
