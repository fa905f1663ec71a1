import { describe, expect, it } from "vitest";
import { ID, TIME, TOKEN, useServer } from "./support/cast.ts";
import { expectStatus } from "./support/server.ts";

const cast = useServer();

describe("reissuing", () => {
  const reissue = (id: string) => cast.as("admin").post(`/api/users/${id}/reissue-initial-token`);

  it("replaces the initial token, and the old one is refused at once", async () => {
    const user = await cast.server.user(["cloudwatch-metrics"]);
    const first = await reissue(user.id);
    expect(first.status).toBe(200);
    expect(first.json).toEqual({
      reissued_token_id: ID,
      reissued_at: TIME,
      revoked_old_token_id: ID,
      delivery_status: "not_configured",
      delivery_channel: null,
      token: TOKEN,
      manual_recovery_required: true,
    });
    expect((await user.get("/api/me")).status).toBe(401);
    expect((await cast.server.as(first.json.token).get("/api/me")).status).toBe(200);
    expect((await reissue(user.id)).json.revoked_old_token_id).toBe(first.json.reissued_token_id);
  });

  it("takes a body, too", async () => {
    const user = await cast.server.user(["cloudwatch-metrics"]);
    expect((await cast.as("admin").post(`/api/users/${user.id}/reissue-initial-token`, {})).status).toBe(200);
  });

  it("leaves the bootstrap token of `admin` alone", async () => {
    const answer = await reissue("admin");
    expect(answer.json).toMatchObject({ revoked_old_token_id: null, token: TOKEN });
    expect((await cast.as("admin").get("/api/users")).status).toBe(200);
    expect((await cast.server.as(answer.json.token).get("/api/users")).status).toBe(200);
  });

  it("is refused for those who aren't there", async () => {
    const suspended = await cast.server.user(["requester"]);
    expectStatus(await cast.as("admin").post(`/api/users/${suspended.id}/suspend`), 200);
    const deleted = await cast.server.user(["requester"]);
    expectStatus(await cast.as("admin").send("DELETE", `/api/users/${deleted.id}`), 200);
    expect(await reissue("nobody-at-all")).toMatchObject({
      status: 404,
      json: { code: "request.not_found" },
    });
    expect(await reissue(suspended.id)).toMatchObject({ status: 409, json: { code: "request.conflict" } });
    expect(await reissue(deleted.id)).toMatchObject({ status: 410, json: { code: "request.gone" } });
  });
});

describe("suspending and deleting", () => {
  it("revokes the tokens of a suspended user permanently", async () => {
    const user = await cast.server.user(["requester"]);
    const suspend = () => cast.as("admin").post(`/api/users/${user.id}/suspend`);
    expect((await suspend()).json).toEqual({ id: user.id, revoked_tokens: 1, cancelled_requests: [] });
    expect((await user.get("/api/me")).status).toBe(401);
    expect((await cast.as("admin").get(`/api/users/${user.id}`)).json.status).toBe("suspended");
    expect((await suspend()).json).toMatchObject({ revoked_tokens: 0 });
    expect((await cast.as("admin").post(`/api/users/${user.id}/activate`)).json).toEqual({ id: user.id });
    expect((await cast.as("admin").get(`/api/users/${user.id}`)).json.status).toBe("active");
    expect((await user.get("/api/me")).status).toBe(401);
  });

  it("cancels the requests of who is suspended", async () => {
    const user = await cast.server.user(["requester"]);
    const asked = await user.post("/api/requests", {
      database: "app",
      environment: "production",
      detail: "select 1",
    });
    const { id } = expectStatus(asked, 201);
    const answer = await cast.as("admin").post(`/api/users/${user.id}/suspend`);
    expect(answer.json.cancelled_requests).toEqual([id]);
    expect((await cast.as("operator").get(`/api/requests/${id}`)).json.status).toBe("cancelled");
  });

  it("keeps the name of who is deleted", async () => {
    const user = await cast.server.user(["requester"]);
    const path = `/api/users/${user.id}`;
    expect((await cast.as("admin").send("DELETE", path)).json).toEqual({ id: user.id, deleted: true });
    expect((await user.get("/api/me")).status).toBe(401);
    expect(await cast.as("admin").send("DELETE", path)).toMatchObject({
      status: 410,
      json: { code: "request.gone" },
    });
    expect((await cast.as("admin").get(path)).status).toBe(410);
    expect((await cast.as("admin").post("/api/users", { id: user.id })).status).toBe(409);
    expect((await cast.as("admin").send("DELETE", "/api/users/nobody-at-all")).status).toBe(404);
  });
});
