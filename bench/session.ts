import { Deadline } from "@dbward-aws/core";
import type { EcsExec } from "@dbward-aws/ecs-exec";
import { type Figure, figure, medianFigure, type Result, ratioFigure, type Size } from "./lib/figure.ts";
import { type Gateway, withGateway } from "./lib/gateway.ts";
import { HAS_PLUGIN, runPlugin, WITHOUT_PLUGIN } from "./lib/plugin.ts";
import { inRounds, timed } from "./lib/statistics.ts";

const CONTAINER = { cluster: "bench", task: "bench", container: "server" };
const MEGABYTE = 1024 * 1024;

/**
 * The ECS Exec client itself: one file without the agent's delay of a second, a round trip, and large output.
 */
export async function measureSession(size: Size): Promise<Result> {
  const figures: Figure[] = [];
  await withGateway({ firstOutputDelayMs: 0, outputPauseMs: 1 }, async (gateway) => {
    figures.push(...(await oneFile(gateway, size === "quick" ? 1 : 41)));
    const trips = await roundTrips(gateway.exec, size === "quick" ? 5 : 500);
    figures.push(medianFigure("round trip in an open session", trips, "ms", { atMost: 2 }));
  });
  for (const outputPauseMs of [1, 0])
    await withGateway({ firstOutputDelayMs: 0, outputPauseMs }, async ({ exec }) => {
      figures.push(...(await large(exec, size === "quick" ? MEGABYTE / 8 : 10 * MEGABYTE, outputPauseMs)));
    });
  return { benchmark: "session", figures, remarks: HAS_PLUGIN ? [] : [WITHOUT_PLUGIN] };
}

async function oneFile(gateway: Gateway, rounds: number): Promise<Figure[]> {
  const { path, token } = gateway.files[0]!;
  const script = `cat ${path}`;
  const byClient = async () => {
    const { stdout } = await gateway.exec.execute({ ...CONTAINER, script, deadline: Deadline.after(20_000) });
    if (Buffer.from(stdout).toString() !== token)
      throw new Error("The output is not the content of the file.");
  };
  const times = await inRounds(rounds, {
    client: () => timed(byClient),
    ...(HAS_PLUGIN && { plugin: () => timed(() => runPlugin(gateway, script, token)) }),
  });
  const client = medianFigure("one file, agent doesn't wait", times.client, "ms");
  if (!times.plugin) return [client];
  return [
    client,
    medianFigure("plugin, one file, agent doesn't wait", times.plugin, "ms"),
    ratioFigure("client / plugin, one file", times.client, times.plugin, { atMost: 1 }),
  ];
}

/** From a key press to the echo of the terminal. */
async function roundTrips(exec: EcsExec, count: number): Promise<number[]> {
  const deadline = Deadline.after(60_000);
  const session = await exec.open({ ...CONTAINER, commandLine: "cat", deadline, withoutHandshake: true });
  const output = session[Symbol.asyncIterator]();
  const { trip } = await inRounds(count, {
    trip: () =>
      timed(() => {
        session.write("x");
        return output.next();
      }),
  });
  session.interrupt();
  session.close();
  return trip;
}

async function large(exec: EcsExec, length: number, outputPauseMs: number): Promise<Figure[]> {
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  let bytes = 0;
  const milliseconds = await timed(async () => {
    const script = `head -c ${length} /dev/urandom`;
    const stream = exec.stream({ ...CONTAINER, script, deadline: Deadline.after(180_000) });
    for await (const chunk of stream) bytes += chunk.length;
  });
  clearInterval(sampling);
  if (bytes !== length) throw new Error(`The session returned ${bytes} bytes instead of ${length}.`);
  const how = `${length / MEGABYTE} MB, agent ${outputPauseMs ? "pauses 1 ms a message" : "doesn't pause"}`;
  return [
    figure(`${how}: throughput`, bytes / MEGABYTE / (milliseconds / 1000), "MB/s"),
    figure(`${how}: peak memory above the start`, (peak - before) / MEGABYTE, "MB"),
  ];
}
