import { identify, newCredentials } from "@dbward-aws/local-account";
import { startDashboardPage } from "@dbward-aws/ops-page";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FrontStage, shell } from "../../local-ecs/src/ecs-front/test-support/front-stage.ts";
import { fetchStatus } from "./cli/control-client.ts";
import { startControlServer } from "./cli/control-server.ts";
import { RunEvents } from "./cli/run-events.ts";
import { EMPTY_STATUS } from "./cli/test-support/empty-status.ts";
import { fuzz } from "./test-support/fuzz.ts";

/** An uncaught error in any callback fails the run. */
describe("no request ends the process", { timeout: 120_000 }, () => {
  let stage: FrontStage;
  beforeAll(async () => {
    stage = await FrontStage.start();
  }, 120_000);
  afterAll(() => stage?.close());

  it("on the emulated account, its ECS API and the gateway of its sessions", async () => {
    await fuzz(Number(new URL(stage.emulator.endpoint).port));
    await expect(stage.define("account", shell("exit 0"))).resolves.toContain("account");
    await stage.serve("fuzzed", shell("exec sleep 60"));
    expect((await stage.runningTask("fuzzed")).lastStatus).toBe("RUNNING");
  });

  it("on the control server", async () => {
    const secret = "only the owner knows";
    const server = await startControlServer({
      secret,
      events: new RunEvents(),
      status: async () => EMPTY_STATUS,
    });
    await fuzz(server.port);
    const host = identify(process.pid)!;
    const run = { host, control: server.port, secret, credentials: newCredentials() };
    expect(await fetchStatus(run)).toEqual(EMPTY_STATUS);
    await server.close();
  });

  it("on the page", async () => {
    const aws = {
      endpoint: stage.emulator.endpoint,
      region: "us-east-1",
      credentials: stage.emulator.credentials,
    };
    const page = await startDashboardPage({ stage: "fuzzed", aws });
    await fuzz(Number(new URL(page.url).port));
    expect((await fetch(page.url)).status).toBe(200);
    await page.close();
  });
});
