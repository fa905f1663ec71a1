import { FakeAws } from "../functions/poll-agents/src/test-support/fake-aws.ts";
import { agentRow, FakeDbward, metricsBody } from "../functions/poll-agents/src/test-support/fake-dbward.ts";
import { bundle } from "./lib/bundles.ts";
import type { Figure, Result, Size } from "./lib/figure.ts";
import { runBundle } from "./lib/run-bundle.ts";
import { median } from "./lib/statistics.ts";

const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;
/** Megabytes that the function's process may have. */
const MAX_MEMORY = 128;

/** Time, memory and AWS calls of a poll, by the number of agents. The bundle runs in a process of its own, as it is deployed. */
export async function measurePoller(size: Size): Promise<Result> {
  const polls = size === "quick" ? 2 : 30;
  const dbward = await FakeDbward.start({
    "/ready": () => ({ body: { status: "ok", checks: { sqlite: "ok" } } }),
    "/api/agents": () => ({ body: { agents: [] } }),
    "/metrics": () => ({ body: metricsBody({ pending: 3, approved: 2, dispatched: 1, running: 1 }) }),
  });
  dbward.tokens.add(TOKEN);
  const service = (serviceName: string) => ({ serviceName, desiredCount: 1, runningCount: 1 });
  const aws = await FakeAws.start({
    GetSecretValue: () => ({ body: { SecretString: TOKEN } }),
    DescribeServices: () => ({ body: { services: [service("server"), service("agent-agent-0")] } }),
    PutMetricData: () => ({ body: {} }),
  });
  const environment = {
    AWS_ENDPOINT_URL: aws.client.endpoint,
    DBWARD_SERVER_URL: dbward.url,
    DBWARD_CLUSTER: "dbward-bench",
    DBWARD_SERVER_SERVICE: "server",
    DBWARD_AGENTS: "agent-0:1",
  };
  const entry = bundle("poll-agents");
  const figures: Figure[] = [];
  for (const count of [1, 100, 10_000]) {
    const agents = Array.from({ length: count }, (_, index) =>
      agentRow(`agent-${index}`, { in_flight: index % 5 }),
    );
    const body = JSON.stringify({ agents });
    dbward.answers["/api/agents"] = () => ({ body });
    const before = aws.calls.length;
    const { durations, maxRssMB } = await runBundle(entry, polls, environment);
    const name = `${count.toLocaleString("en-US")} agent${count === 1 ? "" : "s"}`;
    figures.push(
      { name: `${name}: first poll`, value: durations[0]!, unit: "ms" },
      { name: `${name}: later polls`, value: median(durations.slice(1)), unit: "ms" },
      { name: `${name}: peak memory of the process`, value: maxRssMB, unit: "MB", goal: MAX_MEMORY },
      // The token is read at the first poll alone.
      {
        name: `${name}: AWS calls a poll`,
        value: (aws.calls.length - before - 1) / polls,
        unit: "",
        goal: 2,
      },
    );
  }
  await Promise.all([dbward.close(), aws.close()]);
  return { benchmark: "Poller", figures, remarks: [] };
}
