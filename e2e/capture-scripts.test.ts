import { METRICS_ROLE, METRICS_USER, TOKEN_PATTERN } from "@dbward-aws/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capture } from "../functions/capture-tokens/src/capture.ts";
import { SECRET, Stage } from "../functions/capture-tokens/src/test-support/stage.ts";
import { DbwardServerProgram } from "./support/dbward-server.ts";

const MINUTE = 60_000;

/**
 * The scripts of a capture, in this machine's shell, awk and curl, against a whole dbward server: the one
 * that `DBWARD_SERVER_BIN` names, else the stand-in. The AWS side is a protocol peer.
 */
describe.each(["exec", "task"] as const)("a capture by method %s", { timeout: MINUTE }, (Method) => {
  let stage: Stage<DbwardServerProgram>;
  beforeEach(async () => {
    stage = await Stage.around(await DbwardServerProgram.start());
  }, MINUTE);
  afterEach(() => stage.close());

  const run = (type: "Create" | "Update" = "Create") => capture(stage.event(type, { Method }), stage.tools());
  const value = (secret: keyof typeof SECRET) => stage.aws.valueOf(SECRET[secret])!;
  /**
   * Status of a call that shows whose a token is: 200 for users with a right, 403 for agents, 401 for
   * nobody's.
   */
  const statusOf = async (token: string) =>
    (await stage.server.call("GET", "/api/agents", undefined, token)).status;
  const activeTokens = async (subject: string) => {
    const { body } = await stage.server.call("GET", "/api/tokens");
    const rows = body.tokens as Record<string, unknown>[];
    return rows.filter(({ subject_id, status }) => subject_id === subject && status === "active");
  };
  const empty = (secret: keyof typeof SECRET) => stage.aws.addSecret(SECRET[secret]);

  it("fills every secret, and the second one changes nothing", async () => {
    const first = await run();
    expect(value("admin")).toBe(await stage.server.tokenFile("admin-token"));
    expect(value("agent")).toBe(await stage.server.tokenFile("agent-token"));
    for (const secret of ["payments", "metrics"] as const) expect(value(secret)).toMatch(TOKEN_PATTERN);
    expect(await Promise.all([statusOf(value("metrics")), statusOf(value("payments"))])).toEqual([200, 403]);
    const poll = { capabilities: { scopes: [{ database: "app", environment: "production" }] } };
    expect((await stage.server.call("POST", "/api/agent/poll", poll, value("payments"))).status).toBe(200);
    const me = await stage.server.call("GET", "/api/me", undefined, value("metrics"));
    expect(me.body).toMatchObject({ subject_id: METRICS_USER, roles: [{ name: METRICS_ROLE }] });

    expect(await run("Update")).toEqual(first);
    expect(await activeTokens("payments")).toHaveLength(1);
  });

  it("makes an emptied token anew, as often as it is emptied, within the limit of five", async () => {
    await run();
    const byHand = await stage.server.call("POST", "/api/tokens", {
      subject_id: "payments",
      subject_type: "agent",
      name: "by hand",
    });
    const seen = new Set([value("payments"), value("metrics")]);
    for (let round = 1; round <= 6; round++) {
      const before = value("payments");
      empty("payments");
      empty("metrics");
      await run("Update");
      seen.add(value("payments")).add(value("metrics"));
      // Its tasks use the former token until they are replaced.
      expect(await Promise.all([statusOf(value("payments")), statusOf(before)])).toEqual([403, 403]);
      expect(await statusOf(value("metrics"))).toBe(200);
    }
    expect(seen.size).toBe(14);
    const names = (await activeTokens("payments")).map(({ name }) => name);
    expect(names.length).toBeLessThanOrEqual(4);
    expect(names).toContain("by hand");
    expect(names.filter((name) => String(name).startsWith("bootstrap-"))).toEqual([]);
    expect(await statusOf(String(byHand.body.token))).toBe(403);

    // What was made does not keep the server from its next start.
    await stage.server.stop();
    await stage.server.start({ withRole: true });
    expect(await statusOf(value("payments"))).toBe(403);
  });

  it("gives the poller its role, and no other, when its user is there already", async () => {
    await stage.server.call("POST", "/api/users", { id: METRICS_USER, roles: ["admin"] });
    await run();
    const me = await stage.server.call("GET", "/api/me", undefined, value("metrics"));
    expect((me.body.roles as { name: string }[]).map(({ name }) => name)).toEqual([METRICS_ROLE]);
  });

  it("takes another id for the poller's user when it was deleted", async () => {
    await run();
    await stage.server.call("DELETE", `/api/users/${METRICS_USER}`);
    empty("metrics");
    await run("Update");
    const me = await stage.server.call("GET", "/api/me", undefined, value("metrics"));
    expect(me.body).toMatchObject({ subject_id: `${METRICS_USER}-2` });

    empty("metrics");
    await run("Update");
    expect(await statusOf(value("metrics"))).toBe(200);
  });

  it("says how to go on when the poller's user is suspended", async () => {
    await run();
    await stage.server.call("POST", `/api/users/${METRICS_USER}/suspend`);
    empty("metrics");
    await expect(run("Update")).rejects.toThrow(
      /suspended: HTTP 409.*dbward user activate cloudwatch-poller.*\[capture-user-suspended\]/,
    );
    await stage.server.call("POST", `/api/users/${METRICS_USER}/activate`);
    await run("Update");
    expect(await statusOf(value("metrics"))).toBe(200);
  });

  it("says how to go on when the plan has no room for a user, and stores the other tokens", async () => {
    for (let user = 1; user <= 18; user++)
      await stage.server.call("POST", "/api/users", { id: `user-${user}`, roles: ["requester"] });
    await expect(run()).rejects.toThrow(/HTTP 402 .*dbward user rm ID.*\[capture-user-limit\]/);
    expect(value("payments")).toMatch(TOKEN_PATTERN);
    await stage.server.call("DELETE", "/api/users/user-1");
    await run("Update");
    expect(await statusOf(value("metrics"))).toBe(200);
  });

  it("says how to go on when an agent has five active tokens, and stores the other tokens", async () => {
    for (let token = 1; token <= 5; token++)
      await stage.server.call("POST", "/api/tokens", {
        subject_id: "payments",
        subject_type: "agent",
        name: `by hand ${token}`,
      });
    await expect(run()).rejects.toThrow(
      /HTTP 400 .*dbward token list --subject payments --status active.*\[capture-token-limit\]/,
    );
    expect(await statusOf(value("metrics"))).toBe(200);
    const [first] = await activeTokens("payments");
    await stage.server.call("DELETE", `/api/tokens/${first!.id}`);
    await run("Update");
    expect(await statusOf(value("payments"))).toBe(403);
  });

  it("asks for the role that the configuration lacks, and goes on when it has it", async () => {
    await stage.server.stop();
    await stage.server.start({ withRole: false });
    await expect(run()).rejects.toThrow(/no role cloudwatch-metrics.*HTTP 400.*\[capture-role-missing\]/);
    expect(value("payments")).toMatch(TOKEN_PATTERN);
    await stage.server.stop();
    await stage.server.start({ withRole: true });
    await run("Update");
    expect(await statusOf(value("metrics"))).toBe(200);
  });

  // A task answers through Secrets Manager, not through a channel.
  if (Method === "exec")
    it("makes the tokens again when an answer was lost on its way", async () => {
      stage.container.after = (session) => {
        if (session <= 2) throw new Error("the channel was lost");
      };
      await run();
      expect(stage.container.sessions).toHaveLength(3);
      expect(await Promise.all([statusOf(value("metrics")), statusOf(value("payments"))])).toEqual([
        200, 403,
      ]);
      empty("payments");
      await run("Update");
      expect((await activeTokens("payments")).length).toBeLessThanOrEqual(3);
    });

  it("works while the server drains", async () => {
    stage.server.drain();
    await run();
    expect(await Promise.all([statusOf(value("metrics")), statusOf(value("payments"))])).toEqual([200, 403]);
  });

  it("tells a token that was revoked, where it may ask", async () => {
    await run();
    const [token] = await activeTokens("payments");
    await stage.server.call("DELETE", `/api/tokens/${token!.id}`);
    const { Warnings } = await run("Update");
    if (Method === "exec") expect(Warnings).toMatch(/does not accept the stored agent-token of payments/);
    else expect(Warnings).toBe("");
  });
});
