import { TOKEN_CHECK_ENVIRONMENT as NAMES, stageNames } from "@dbward-aws/contract";
import { afterEach, expect, it, vi } from "vitest";
import { FakeStage } from "./test-support/fake-stage.ts";

afterEach(() => vi.unstubAllEnvs());

it("checks with the settings of its environment, and rotates when the event says so", async () => {
  const names = stageNames("dev");
  const stage = await FakeStage.start();
  const before = stage.addToken(names.adminTokenSecret, "admin", 3);
  stage.addToken(names.metricsTokenSecret, "cloudwatch-poller", 1);
  stage.addService(names.serverService);
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL: stage.client.endpoint,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    [NAMES.stage]: "dev",
    [NAMES.serverUrl]: stage.serverUrl,
    [NAMES.publisher]: "api",
    [NAMES.cluster]: names.cluster,
    [NAMES.serverService]: names.serverService,
    [NAMES.agentServicePrefix]: "agent-",
    [NAMES.agents]: "",
    [NAMES.rotateAfterDays]: "2",
  }))
    vi.stubEnv(name, value);
  const { handler } = await import("./handler.ts");
  const context = { getRemainingTimeInMillis: () => 900_000 };
  await handler({ "detail-type": "Scheduled Event" }, context);
  expect(stage.of("PutMetricData")).toHaveLength(1);
  expect(stage.value(names.adminTokenSecret)).toBe(before);
  await handler({ task: "rotate" }, context);
  expect(stage.value(names.adminTokenSecret)).not.toBe(before);
  await stage.close();
});
