/**
 * What the ECS Exec client costs against the local gateway, which runs in a process of its own: one file, with and
 * without the second that the exec agent waits; a round trip inside a session; 10 MB of output. When
 * session-manager-plugin is on the PATH, it reads the same file the same way.
 *
 *     tsx --conditions=@dbward-aws/source bench/exec-client.ts
 */
import { execFile, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ECSClient, ExecuteCommandCommand } from "@aws-sdk/client-ecs";
import { Deadline } from "@dbward-aws/core";
import { EcsExec } from "@dbward-aws/ecs-exec";
import { ExecGateway } from "../packages/local-cloud/src/exec-gateway/index.ts";

const RUNS = 15;
const ROUND_TRIPS = 300;
const LARGE = 10 * 1024 * 1024;
const CONTAINER = { cluster: "bench", task: "bench", container: "server" };
const run = promisify(execFile);

if (process.argv[2] === "gateway") await serve(Number(process.argv[3]), Number(process.argv[4]));
else await measure();

/** The gateway behind the one operation of ECS that it needs. */
async function serve(firstOutputDelayMs: number, outputPauseMs: number): Promise<void> {
  const http = createServer(async (request, response) => {
    const { command } = JSON.parse(await text(request)) as { command: string };
    const view = {
      environment: { PATH: process.env.PATH! },
      directory: "/",
      translate: (line: string) => line,
    };
    response.end(JSON.stringify({ session: gateway.start({ container: "server", command, view }) }));
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  const { port } = http.address() as AddressInfo;
  const gateway = new ExecGateway({ url: `ws://127.0.0.1:${port}`, firstOutputDelayMs, outputPauseMs });
  http.on("upgrade", (request, socket, head) => gateway.handleUpgrade(request, socket, head));
  process.send!(port);
  process.on("disconnect", () => process.exit(0));
}

async function withGateway<T>(
  behaviour: { readonly delayMs: number; readonly pauseMs: number },
  work: (exec: EcsExec, ecs: ECSClient, endpoint: string) => Promise<T>,
): Promise<T> {
  const child = fork(fileURLToPath(import.meta.url), [
    "gateway",
    String(behaviour.delayMs),
    String(behaviour.pauseMs),
  ]);
  const [port] = (await once(child, "message")) as [number];
  const endpoint = `http://127.0.0.1:${port}`;
  const credentials = { accessKeyId: "bench", secretAccessKey: "bench" };
  const ecs = new ECSClient({ endpoint, region: "eu-west-1", credentials });
  try {
    return await work(new EcsExec({ ecs }), ecs, endpoint);
  } finally {
    ecs.destroy();
    child.disconnect();
  }
}

async function measure(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "exec-bench-"));
  const file = join(folder, "admin-token");
  await writeFile(file, "x".repeat(36));
  const figures: Record<string, unknown> = {};
  try {
    for (const delayMs of [1000, 0]) {
      await withGateway({ delayMs, pauseMs: 1 }, async (exec, ecs, endpoint) => {
        const script = `cat ${file}`;
        const client = await times(delayMs ? 3 : RUNS, () =>
          exec.execute({ ...CONTAINER, script, deadline: Deadline.after(20_000) }),
        );
        const plugin = hasPlugin()
          ? await times(delayMs ? 3 : RUNS, () => runPlugin(ecs, endpoint, script))
          : undefined;
        figures[`one file, agent waits ${delayMs} ms`] = {
          clientMs: round(client),
          pluginMs: plugin && round(plugin),
          ratio: plugin && round(client / plugin),
        };
      });
    }
    await withGateway({ delayMs: 0, pauseMs: 1 }, async (exec) => {
      figures["round trip inside a session, ms"] = round(await roundTrip(exec));
    });
    for (const pauseMs of [1, 0])
      await withGateway({ delayMs: 0, pauseMs }, async (exec) => {
        figures[`10 MB, agent pauses ${pauseMs} ms`] = await large(exec);
      });
  } finally {
    await rm(folder, { recursive: true });
  }
  console.log(JSON.stringify(figures, undefined, 2));
}

/** Median, in milliseconds; the first run warms up and doesn't count. */
async function times(count: number, work: () => Promise<unknown>): Promise<number> {
  await work();
  const durations: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const start = performance.now();
    await work();
    durations.push(performance.now() - start);
  }
  return durations.sort((one, other) => one - other)[Math.floor(durations.length / 2)]!;
}

async function roundTrip(exec: EcsExec): Promise<number> {
  const deadline = Deadline.after(60_000);
  const session = await exec.open({ ...CONTAINER, commandLine: "cat", deadline, withoutHandshake: true });
  const output = session[Symbol.asyncIterator]();
  const trip = async () => {
    session.write("x");
    // The terminal's echo.
    await output.next();
  };
  const duration = await times(ROUND_TRIPS, trip);
  session.interrupt();
  session.close();
  return duration;
}

async function large(exec: EcsExec) {
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const start = performance.now();
  let bytes = 0;
  const script = `head -c ${LARGE} /dev/urandom`;
  const stream = exec.stream({ ...CONTAINER, script, deadline: Deadline.after(120_000) });
  for await (const chunk of stream) bytes += chunk.length;
  const seconds = (performance.now() - start) / 1000;
  clearInterval(sampling);
  if (bytes !== LARGE) throw new Error(`${bytes} bytes came instead of ${LARGE}`);
  const megabyte = 1024 * 1024;
  return {
    megabytesPerSecond: round(bytes / megabyte / seconds),
    peakMemoryAboveStartMB: round((peak - before) / megabyte),
  };
}

function hasPlugin(): boolean {
  return spawnSync("session-manager-plugin", ["--version"]).status === 0;
}

/** As the AWS CLI starts it. */
async function runPlugin(ecs: ECSClient, endpoint: string, script: string): Promise<void> {
  const { session } = await ecs.send(
    new ExecuteCommandCommand({ ...CONTAINER, command: `/bin/sh -c '${script}'`, interactive: true }),
  );
  const target = JSON.stringify({ Target: "ecs:bench_bench_bench" });
  const args = [JSON.stringify(session), "eu-west-1", "StartSession", "", target, endpoint];
  await run("session-manager-plugin", args);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
