/**
 * What the poller costs: size and load time of its bundle against an empty handler with the same clients, bundled the same
 * way; time and memory of a poll with 1, 100 and 10,000 agents. Ratios of one run are what counts: the machine's speed
 * is in both halves.
 *
 *     tsx --conditions=@dbward-aws/source bench/poller.ts
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FakeAws } from "../functions/poll-agents/src/test-support/fake-aws.ts";
import { agentRow, FakeDbward, metricsBody } from "../functions/poll-agents/src/test-support/fake-dbward.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const FUNCTIONS = fileURLToPath(new URL("../functions/", import.meta.url));
/** Below node_modules, so that it finds the clients and stays out of the repository. */
const EMPTY = join(HERE, "node_modules/.bench/empty-poller");
const TOKEN = `dbw_${"c0ffee00".repeat(4)}`;
const RUNS = 15;
const POLLS = 20;

const EMPTY_HANDLER = `
import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeServicesCommand, ECSClient } from "@aws-sdk/client-ecs";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
const clients = [new CloudWatchClient({}), new ECSClient({}), new SecretsManagerClient({})];
const commands = [PutMetricDataCommand, DescribeServicesCommand, GetSecretValueCommand];
export const handler = async () => clients.length + commands.length;
`;

interface Run {
  readonly loadMs: number;
  readonly durations: readonly number[];
  readonly maxRssMB: number;
}

const dbward = await FakeDbward.start({
  "/ready": () => ({ body: { status: "ok", checks: { sqlite: "ok" } } }),
  "/api/agents": () => ({ body: { agents: [] } }),
  "/metrics": () => ({ body: metricsBody({ pending: 3, approved: 2, dispatched: 1, running: 1 }) }),
});
dbward.tokens.add(TOKEN);
const service = (serviceName: string) => ({ serviceName, desiredCount: 1, runningCount: 1 });
const aws = await FakeAws.start({
  GetSecretValue: () => ({ body: { SecretString: TOKEN } }),
  DescribeServices: () => ({ body: { services: [service("server"), service("agent-a")] } }),
  PutMetricData: () => ({ body: {} }),
});
const environment = {
  PATH: process.env.PATH,
  AWS_ENDPOINT_URL: aws.client.endpoint,
  AWS_REGION: "eu-west-1",
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  DBWARD_STAGE: "bench",
  DBWARD_SERVER_URL: dbward.url,
  DBWARD_METRICS_TOKEN_SECRET: "dbward/bench/metrics-token",
  DBWARD_CLUSTER: "dbward-bench",
  DBWARD_SERVER_SERVICE: "server",
  DBWARD_AGENT_SERVICES: "agent-a",
};

const poller = bundle(join(FUNCTIONS, "poll-agents"));
await mkdir(join(EMPTY, "src"), { recursive: true });
await writeFile(join(EMPTY, "src/handler.ts"), EMPTY_HANDLER);
const empty = bundle(EMPTY);

const [pollerSize, emptySize] = [await sizeOf(poller), await sizeOf(empty)];
const loads: { poller: number[]; empty: number[] } = { poller: [], empty: [] };
for (let run = 0; run < RUNS; run++) {
  loads.poller.push((await start(poller, 0)).loadMs);
  loads.empty.push((await start(empty, 0)).loadMs);
}
console.log("bundle                 poller   empty handler   ratio");
print("size, kB", pollerSize / 1000, emptySize / 1000);
print("load, ms (median)", median(loads.poller), median(loads.empty));

console.log("\nagents   first poll ms   later polls ms (median)   peak memory MB   AWS calls a poll");
for (const count of [1, 100, 10_000]) {
  const agents = Array.from({ length: count }, (_, index) =>
    agentRow(`agent-${index}`, { in_flight: index % 5 }),
  );
  const body = JSON.stringify({ agents });
  dbward.answers["/api/agents"] = () => ({ body });
  const before = aws.calls.length;
  const { durations, maxRssMB } = await start(poller, POLLS);
  // The token is read at the first poll alone.
  const calls = (aws.calls.length - before - 1) / POLLS;
  const cells = [durations[0]!.toFixed(1), median(durations.slice(1)).toFixed(1), maxRssMB.toFixed(0), calls];
  console.log([String(count).padEnd(8), ...cells].join("   "));
}
await Promise.all([dbward.close(), aws.close()]);

/** Bundles the function in `folder` as it is deployed. @returns the path of its folder of bundles */
function bundle(folder: string): string {
  execFileSync(process.execPath, [join(FUNCTIONS, "bundle.mjs")], { cwd: folder, stdio: "inherit" });
  return join(folder, "dist");
}

/** Bytes of code, parts that are loaded on demand included. */
async function sizeOf(folder: string): Promise<number> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".mjs"));
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))));
  return files.reduce((sum, file) => sum + file.length, 0);
}

async function start(folder: string, calls: number): Promise<Run> {
  const module = pathToFileURL(join(folder, "index.mjs")).href;
  const child = spawn(
    process.execPath,
    ["--no-warnings", join(HERE, "poller-run.mjs"), module, String(calls)],
    {
      env: environment,
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${module} ended with ${code}: ${said}`);
  return JSON.parse(said) as Run;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function print(what: string, a: number, b: number): void {
  console.log(
    [
      what.padEnd(20),
      a.toFixed(1).padStart(8),
      b.toFixed(1).padStart(15),
      (a / b).toFixed(2).padStart(7),
    ].join(" "),
  );
}
