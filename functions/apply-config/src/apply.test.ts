import { formatApplyState } from "@dbward-aws/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeStage, SERVER_TOML } from "./test-support/fake-stage.ts";

const CANARY = "dbw_0123456789abcdef0123456789abcdef";
let stage: FakeStage;
beforeEach(async () => {
  stage = await FakeStage.start();
});
afterEach(() => stage.close());

describe("a run", () => {
  it("changes nothing when all tasks have the current values", async () => {
    await stage.run();
    await stage.run({ secrets: "all" });
    expect(stage).toMatchObject({ updated: [], published: [], writes: 0 });
  });

  it("restarts the server for a good configuration, once", async () => {
    stage.putParameter("/dbward/server", `${SERVER_TOML}# changed\n`);
    await stage.run();
    await stage.run();
    stage.finish("server");
    await stage.run();
    await stage.run();
    expect(stage).toMatchObject({ updated: ["server"], published: [], state: {} });
  });

  it("restarts nothing for a configuration that dbward refuses, and tells the line and the rule once", async () => {
    stage.putParameter("/dbward/server", `${SERVER_TOML}mode = "always"\nsecret = "${CANARY}"\n`);
    await stage.run();
    await stage.run();
    expect(stage.updated).toEqual([]);
    expect(stage.published).toHaveLength(1);
    expect(stage.published[0]!.text).toMatch(/Version 2 of SSM parameter \/dbward\/server was refused/);
    expect(stage.published[0]!.text).toMatch(/^\/dbward\/server:4: .*\[toml\]$/m);
    expect(stage.state).toMatchObject({ server: { refused: { parameter: "/dbward/server", version: 2 } } });

    stage.putParameter("/dbward/server", SERVER_TOML);
    await stage.run();
    expect(stage).toMatchObject({ updated: ["server"], published: [{}] });
    expect(
      JSON.stringify([stage.published, stage.log, stage.parameters["/dbward/test/apply-config"]]),
    ).not.toContain(CANARY.slice(4));
  });

  it("refuses what only a server that has run before refuses", async () => {
    stage.putParameter("/dbward/server", "# no workflows\n");
    await stage.run();
    expect(stage.updated).toEqual([]);
    expect(stage.published[0]!.text).toMatch(/has no \[\[workflows\]\].*\[emptied-section\]$/m);
  });

  it("tells that a configuration was deleted, once", async () => {
    delete stage.parameters["/dbward/server"];
    await stage.run();
    await stage.run();
    expect(stage.updated).toEqual([]);
    expect(stage.published).toMatchObject([
      { text: expect.stringContaining("SSM parameter /dbward/server was deleted. Nothing was restarted") },
    ]);
  });

  it("replaces the tasks of the one agent that has a new secret", async () => {
    stage.putSecret("reports-url");
    await stage.run();
    stage.finish("agent-reports");
    await stage.run();
    expect(stage).toMatchObject({ updated: ["agent-reports"], published: [], state: {} });
  });

  it("takes the server first, then the agents one after the other", async () => {
    for (const secret of ["app-url", "reports-url", "slack"]) stage.putSecret(secret);
    const order = ["server", "agent-app", "agent-reports"];
    for (const name of order) {
      await stage.run({ secrets: "all" });
      await stage.run({ secrets: "all" });
      expect(stage.updated.at(-1)).toBe(name);
      stage.finish(name);
    }
    await stage.run({ secrets: "all" });
    expect(stage).toMatchObject({ updated: order, state: {} });
  });

  it.each([
    [{ secrets: "agents" as const }, ["slack"], 0],
    [{ secrets: "none" as const }, ["slack", "app-url"], 0],
    [{ configuration: false }, ["/dbward/server"], 0],
    [{ configuration: false, secrets: "all" as const }, ["/dbward/server", "slack"], 1],
  ])("with %j and changes of %j makes %i deployments", async (settings, changes, deployments) => {
    for (const name of changes)
      if (name.startsWith("/")) stage.putParameter(name, `${SERVER_TOML}# changed\n`);
      else stage.putSecret(name);
    await stage.run(settings);
    expect(stage.updated).toHaveLength(deployments);
  });

  it("checks a configuration also when it starts tasks for a secret", async () => {
    stage.putParameter("/dbward/server", "not TOML");
    stage.putSecret("slack");
    await stage.run({ configuration: false, secrets: "all" });
    expect(stage).toMatchObject({
      updated: [],
      published: [{ subject: "dbward test: a configuration was refused" }],
    });
  });

  it("has nothing to do for a token whose rotation has replaced the tasks itself", async () => {
    stage.putSecret("app-token");
    stage.now += 10;
    stage.services["agent-app"]!.deployment = {
      id: "agent-app/9",
      at: stage.now,
      rolloutState: "IN_PROGRESS",
    };
    stage.services["agent-app"]!.tasks.push(stage.now + 5);
    await stage.run();
    stage.finish("agent-app");
    await stage.run();
    expect(stage).toMatchObject({ updated: [], writes: 0 });
  });

  it("does nothing for a version that is not in use, and for an agent without tasks", async () => {
    stage.secrets["app-url"]!.push({ at: stage.now, labels: ["AWSPENDING"] });
    stage.services["agent-reports"]!.desiredCount = 0;
    stage.putSecret("reports-url");
    await stage.run();
    expect(stage.updated).toEqual([]);
  });

  it("waits while another service is being deployed", async () => {
    stage.services["agent-reports"]!.deployment.rolloutState = "IN_PROGRESS";
    stage.putSecret("app-url");
    await stage.run();
    expect(stage.updated).toEqual([]);
    stage.services["agent-reports"]!.deployment.rolloutState = "COMPLETED";
    await stage.run();
    expect(stage.updated).toEqual(["agent-app"]);
  });

  it("starts no tasks that would lack a secret", async () => {
    stage.putSecret("app-url");
    delete stage.secrets["app-token"];
    await stage.run();
    expect(stage.updated).toEqual([]);
    expect(stage.log.at(-1)).toContain('"agent-app":"lacking"');
  });

  it("tells once that new tasks did not start, and tries again with the next value", async () => {
    stage.putSecret("app-url");
    await stage.run();
    stage.finish("agent-app", "rolled back");
    for (let runs = 0; runs < 3; runs++) await stage.run();
    expect(stage.updated).toEqual(["agent-app"]);
    expect(stage.published).toMatchObject([
      {
        subject: "dbward test: new tasks did not start",
        text: expect.stringContaining(
          "agent app of dbward test did not start with the new value of secret app-url.",
        ),
      },
    ]);
    stage.putSecret("app-url");
    await stage.run();
    stage.finish("agent-app");
    await stage.run();
    expect(stage).toMatchObject({ updated: ["agent-app", "agent-app"], published: [{}], state: {} });
  });

  it("tells once that the server did not start, and starts it with a corrected configuration", async () => {
    stage.putParameter("/dbward/server", `${SERVER_TOML}# changed\n`);
    await stage.run();
    stage.finish("server", "failed");
    await stage.run();
    await stage.run();
    expect(stage.published).toMatchObject([{ text: expect.stringContaining("The server is not running") }]);
    stage.putParameter("/dbward/server", SERVER_TOML);
    await stage.run();
    expect(stage.updated).toEqual(["server", "server"]);
  });

  it("leaves the change to another run that was quicker", async () => {
    stage.putSecret("app-url");
    stage.beforePut = () => {
      stage.beforePut = () => undefined;
      stage.parameters["/dbward/test/apply-config"]!.push({ value: "{}", at: stage.now });
    };
    await stage.run();
    expect(stage.updated).toEqual([]);
    stage.now += 60;
    await stage.run();
    expect(stage.updated).toEqual(["agent-app"]);
  });

  it("does not take the deployment of another run, begun between its own calls, for one that failed", async () => {
    stage.putParameter("/dbward/server", `${SERVER_TOML}# changed\n`);
    stage.beforeStateRead = async () => {
      stage.beforeStateRead = () => undefined;
      await stage.run();
    };
    await stage.run();
    expect(stage).toMatchObject({ updated: ["server"], published: [] });
    stage.finish("server");
    await stage.run();
    expect(stage.state).toEqual({});
  });

  it("leaves a change alone that another run has claimed and not yet deployed", async () => {
    stage.putSecret("app-url");
    stage.beforeUpdate = async () => {
      stage.beforeUpdate = () => undefined;
      await stage.run();
    };
    await stage.run();
    expect(stage).toMatchObject({ updated: ["agent-app"], published: [] });
  });

  it("takes over the claim of a run that has ended without a deployment", async () => {
    stage.putSecret("app-url");
    const changedAt = new Date(stage.now * 1000).toISOString();
    stage.putParameter(
      "/dbward/test/apply-config",
      formatApplyState({ "agent-app": { applied: { changedAt } } }),
    );
    await stage.run();
    expect(stage.updated).toEqual([]);
    stage.now += 60;
    await stage.run();
    expect(stage.updated).toEqual(["agent-app"]);
  });

  it("tries again when ECS refused the deployment", async () => {
    stage.putSecret("app-url");
    stage.failing.add("UpdateService");
    await expect(stage.run()).rejects.toThrow(
      /Updating service agent-app failed: AccessDeniedException\..*\[apply-call\]/,
    );
    await expect(stage.run()).rejects.toThrow();
    stage.failing.clear();
    await stage.run();
    expect(stage).toMatchObject({ updated: ["agent-app"], published: [] });
  });

  it("does not watch secrets that its role was not made for", async () => {
    stage.failing.add("ListSecretVersionIds");
    stage.putParameter("/dbward/server", `${SERVER_TOML}# changed\n`);
    await stage.run();
    expect(stage.updated).toEqual(["server"]);
    expect(stage.log.join()).toContain("apply.not-watched");
  });

  it("fails when it may not read a configuration", async () => {
    stage.failing.add("GetParameter");
    await expect(stage.run()).rejects.toThrow(/Reading SSM parameter .* failed: AccessDeniedException/);
  });

  it("tells it again when a message was not published", async () => {
    stage.putParameter("/dbward/server", "not TOML");
    stage.failing.add("Publish");
    await expect(stage.run()).rejects.toThrow(/topic failed/);
    stage.failing.clear();
    await stage.run();
    expect(stage.published).toHaveLength(1);
  });
});
