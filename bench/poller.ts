import { FakeAws } from "../functions/poll-agents/src/test-support/fake-aws.ts";
import { agentRow, FakeDbward, metricsBody } from "../functions/poll-agents/src/test-support/fake-dbward.ts";
import { bundle, bundleSource } from "./lib/bundles.ts";
import { type Figure, figure, medianFigure, type Result, ratioFigure, type Size } from "./lib/figure.ts";
import { runBundle } from "./lib/run-bundle.ts";

const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;
/** Memory of the function's process. */
const MEMORY = { atMost: 128 };
/** A whole poll, compared to reading the agents' answer alone. */
const POLL = { atMost: 2 };

/** Reads the answer that is the longest of a poll, and does nothing with it. */
const REFERENCE = `
import { Agent, get } from "node:http";
const agent = new Agent({ keepAlive: true });
const headers = { authorization: "Bearer ${TOKEN}" };
export const handler = () => new Promise((resolve, reject) => {
  get(process.env.DBWARD_SERVER_URL + "/api/agents", { agent, headers }, async (response) => {
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    resolve(JSON.parse(Buffer.concat(chunks).toString()));
  }).on("error", reject);
});`;

/**
 * Time, memory and AWS calls of a poll by the number of agents. The bundle runs in a process of its own, as
 * deployed.
 */
export async function measurePoller(size: Size): Promise<Result> {
  const polls = size === "quick" ? 2 : 60;
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
    DBWARD_AGENT_SERVICE_PREFIX: "agent-",
    DBWARD_AGENTS: "agent-0:1",
  };
  const entry = bundle("poll-agents");
  const reference = bundleSource("get-and-parse", REFERENCE);
  const figures: Figure[] = [];
  for (const count of [1, 100, 10_000]) {
    const agents = Array.from({ length: count }, (_, index) =>
      agentRow(`agent-${index}`, { in_flight: index % 5 }),
    );
    const body = JSON.stringify({ agents });
    dbward.answers["/api/agents"] = () => ({ body });
    const before = aws.calls.length;
    const alone = await runBundle(entry, { calls: polls, environment });
    const calls = aws.calls.length - before;
    const name = `${count.toLocaleString("en-US")} agent${count === 1 ? "" : "s"}`;
    figures.push(
      figure(`${name}: first poll`, alone.durations[0]!, "ms"),
      medianFigure(`${name}: later polls`, alone.durations.slice(1), "ms"),
      figure(`${name}: peak memory of the process`, alone.maxRssMB, "MB", MEMORY),
      // Only the first poll reads the token.
      figure(`${name}: AWS calls of a poll`, (calls - 1) / polls, "", { atMost: 2 }),
    );
    if (count < 10_000) continue;
    const compared = await runBundle(entry, { calls: polls, environment, reference });
    const warm = polls >> 1;
    figures.push(
      ratioFigure(
        `${name}: poll / GET and JSON.parse of the same answer`,
        compared.durations.slice(warm),
        compared.references.slice(warm),
        POLL,
      ),
    );
  }
  await Promise.all([dbward.close(), aws.close()]);
  return { benchmark: "poller", figures, remarks: [] };
}
