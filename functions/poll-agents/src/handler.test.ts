import { afterEach, expect, it, vi } from "vitest";
import { FakeAws } from "./test-support/fake-aws.ts";
import { agentRow, FakeDbward, metricsBody } from "./test-support/fake-dbward.ts";

const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;
const context = { getRemainingTimeInMillis: () => 30_000 };
const event = {} as never;

afterEach(() => vi.unstubAllEnvs());

it("polls with the settings of its environment, and keeps the token between two events", async () => {
  const dbward = await FakeDbward.start({
    "/ready": () => ({ body: { status: "ok", checks: { sqlite: "ok" } } }),
    "/api/agents": () => ({ body: { agents: [agentRow("payments")] } }),
    "/metrics": () => ({ body: metricsBody({ pending: 3 }) }),
  });
  dbward.tokens.add(TOKEN);
  const aws = await FakeAws.start({
    GetSecretValue: () => ({ body: { SecretString: TOKEN } }),
    PutMetricData: () => ({ body: {} }),
  });
  for (const [name, value] of Object.entries({
    AWS_ENDPOINT_URL: aws.client.endpoint,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    DBWARD_STAGE: "dev",
    DBWARD_SERVER_URL: dbward.url,
    DBWARD_METRICS_TOKEN_SECRET: "dbward/dev/metrics-token",
    DBWARD_CLUSTER: "",
  }))
    vi.stubEnv(name, value);

  const { handler } = await import("./handler.ts");
  await handler(event, context);
  await handler(event, context);
  expect(aws.calls.map(({ operation }) => operation)).toEqual([
    "GetSecretValue",
    "PutMetricData",
    "PutMetricData",
  ]);
  await Promise.all([dbward.close(), aws.close()]);
});
