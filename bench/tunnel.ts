import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { ECSClient } from "@aws-sdk/client-ecs";
import { SSMClient, StartSessionCommand } from "@aws-sdk/client-ssm";
import { PortForwarder } from "@dbward-aws/ecs-exec/port";
import { CONTAINER } from "../packages/local-ecs/src/exec-gateway/test-support/port-account.ts";
import {
  type Figure,
  figure,
  type Goal,
  medianFigure,
  type Result,
  ratioFigure,
  type Size,
} from "./lib/figure.ts";
import { HAS_PLUGIN, WITHOUT_PLUGIN } from "./lib/plugin.ts";
import type { PortReport } from "./lib/port-process.ts";
import { inRounds, timed } from "./lib/statistics.ts";

const MEGABYTE = 1024 * 1024;
/** Bytes of a message of the agent, at most. */
const MESSAGE = 1024;
const REGION = "eu-central-1";

/** A port of the task on this machine. */
interface Tunnel {
  readonly localPort: number;
  close(): Promise<void>;
}

/** Opens a tunnel to a port of the task. */
type Open = (port: number) => Promise<Tunnel>;

/**
 * Port forwarding: round trips, many connections and throughput, compared to session-manager-plugin on the
 * same gateway.
 */
export async function measureTunnel(size: Size): Promise<Result> {
  const isQuick = size === "quick";
  const rounds = isQuick ? 1 : 3;
  const bytes = MEGABYTE * (isQuick ? 1 / 8 : 4);
  const manyBytes = MEGABYTE * (isQuick ? 1 / 8 : 16);
  const figures = [
    ...(await withAgent({ outputPauseMs: 1, bytes }, async (report, opens) => [
      ...(await compare(opens, report.echo, "round trip", isQuick ? 2 : 300, trip, { atMost: 1 })),
      ...(await compare(opens, report.echo, "50 connections, 1 kB each", isQuick ? 1 : 11, fifty)),
      ...(await compareThroughput(opens, report.source, "download, agent pauses 1 ms a message", rounds, {
        bytes,
        transfer: download,
        atLeast: 1.1,
      })),
      figure("the agent's pauses alone: throughput", MESSAGE / MEGABYTE / (report.pauseMs / 1000), "MB/s"),
      ...(await compareThroughput(opens, report.sink, "upload", rounds, {
        bytes,
        transfer: upload(bytes),
        atLeast: 5,
      })),
    ])),
    ...(await withAgent({ outputPauseMs: 0, bytes: manyBytes }, async (report, opens, gatewayTime) => [
      ...(await compareThroughput(opens, report.source, "download, agent doesn't pause", rounds, {
        bytes: manyBytes,
        transfer: download,
        atLeast: 1.1,
      })),
      ...(await downloadByProcess(opens.client, report.source, rounds, gatewayTime)),
    ])),
  ];
  return { benchmark: "tunnel", figures, remarks: HAS_PLUGIN ? [] : [WITHOUT_PLUGIN] };
}

async function withAgent<T>(
  options: { readonly outputPauseMs: number; readonly bytes: number },
  work: (
    report: PortReport,
    opens: { client: Open; plugin?: Open },
    /** Milliseconds of processor time of the gateway's process. */
    gatewayTime: () => Promise<number>,
  ) => Promise<T>,
): Promise<T> {
  const child = fork(fileURLToPath(new URL("lib/port-process.ts", import.meta.url)), [
    JSON.stringify(options),
  ]);
  const [report] = (await once(child, "message")) as [PortReport];
  const account = {
    endpoint: report.endpoint,
    region: REGION,
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
  };
  const ecs = new ECSClient(account);
  const ssm = new SSMClient(account);
  const ports = new PortForwarder({ ecs, ssm });
  try {
    const opens = {
      client: (port: number) => ports.forwardPort({ ...CONTAINER, port }),
      ...(HAS_PLUGIN && { plugin: (port: number) => openByPlugin(ssm, report.endpoint, port) }),
    };
    return await work(report, opens, async () => {
      child.send("processor time");
      const [milliseconds] = await once(child, "message");
      return milliseconds as number;
    });
  } finally {
    ecs.destroy();
    ssm.destroy();
    child.disconnect();
  }
}

/** As AWS CLI starts it. */
async function openByPlugin(ssm: SSMClient, endpoint: string, port: number): Promise<Tunnel> {
  const request = {
    Target: "ecs:bench_bench_bench",
    DocumentName: "AWS-StartPortForwardingSession",
    Parameters: { portNumber: [String(port)] },
  };
  const { SessionId, StreamUrl, TokenValue } = await ssm.send(new StartSessionCommand(request));
  const session = JSON.stringify({ SessionId, StreamUrl, TokenValue });
  const plugin = spawn(
    "session-manager-plugin",
    [session, REGION, "StartSession", "", JSON.stringify(request), endpoint],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const localPort = await new Promise<number>((resolve, reject) => {
    let said = "";
    plugin.stdout.on("data", (data: Buffer) => {
      said += data.toString();
      const found = /Port (\d+) opened.*Waiting/s.exec(said);
      if (found) resolve(Number(found[1]));
    });
    plugin.once("close", () => reject(new Error(`session-manager-plugin ended with: ${said}`)));
  });
  const close = async () => {
    const ended = once(plugin, "close");
    plugin.kill("SIGINT");
    await ended;
  };
  return { localPort, close };
}

/** One measurement, through a tunnel that stays open. */
interface Work {
  measure(): Promise<number>;
  end(): void;
}

async function compare(
  opens: { client: Open; plugin?: Open },
  port: number,
  name: string,
  rounds: number,
  start: (localPort: number) => Promise<Work>,
  goal?: Goal,
): Promise<Figure[]> {
  const times = await measureBoth(opens, port, rounds, start);
  const figures = [medianFigure(name, times.client, "ms")];
  if (!times.plugin) return figures;
  return [
    ...figures,
    medianFigure(`plugin, ${name}`, times.plugin, "ms"),
    ratioFigure(`client / plugin, ${name}`, times.client, times.plugin, goal),
  ];
}

async function compareThroughput(
  opens: { client: Open; plugin?: Open },
  port: number,
  name: string,
  rounds: number,
  {
    bytes,
    transfer,
    atLeast,
  }: { bytes: number; transfer: (localPort: number) => Promise<void>; atLeast: number },
): Promise<Figure[]> {
  const start = async (localPort: number): Promise<Work> => ({
    measure: () => timed(() => transfer(localPort)),
    end: () => undefined,
  });
  const times = await measureBoth(opens, port, rounds, start);
  const rate = (milliseconds: number) => bytes / MEGABYTE / (milliseconds / 1000);
  const figures = [medianFigure(name, times.client.map(rate), "MB/s")];
  if (!times.plugin) return figures;
  return [
    ...figures,
    medianFigure(`plugin, ${name}`, times.plugin.map(rate), "MB/s"),
    ratioFigure(`client / plugin, ${name}`, times.plugin, times.client, { atLeast }),
  ];
}

/**
 * Processor time of a download in the process of the gateway, and in ours with the client and the reader: the
 * larger one is the limit.
 */
async function downloadByProcess(
  open: Open,
  port: number,
  rounds: number,
  gatewayTime: () => Promise<number>,
): Promise<Figure[]> {
  const tunnel = await open(port);
  const [gateway, own]: [number[], number[]] = [[], []];
  try {
    await download(tunnel.localPort);
    for (let round = 0; round < rounds; round++) {
      const [before, start] = [await gatewayTime(), process.cpuUsage()];
      await download(tunnel.localPort);
      const { user, system } = process.cpuUsage(start);
      own.push((user + system) / 1000);
      gateway.push((await gatewayTime()) - before);
    }
  } finally {
    await tunnel.close();
  }
  return [
    medianFigure("processor time of the gateway for it", gateway, "ms"),
    medianFigure("processor time of client and reader for it", own, "ms"),
  ];
}

async function measureBoth(
  opens: { client: Open; plugin?: Open },
  port: number,
  rounds: number,
  start: (localPort: number) => Promise<Work>,
): Promise<{ client: number[]; plugin?: number[] }> {
  const client = await opens.client(port);
  const plugin = await opens.plugin?.(port);
  const ours = await start(client.localPort);
  const theirs = plugin && (await start(plugin.localPort));
  try {
    return await inRounds(rounds, {
      client: () => ours.measure(),
      ...(theirs && { plugin: () => theirs.measure() }),
    });
  } finally {
    ours.end();
    theirs?.end();
    await client.close();
    await plugin?.close();
  }
}

async function dial(localPort: number): Promise<Socket> {
  const socket = connect({ port: localPort, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

async function trip(localPort: number): Promise<Work> {
  const socket = await dial(localPort);
  const measure = () =>
    timed(async () => {
      const answer = once(socket, "data");
      socket.write("12345678");
      await answer;
    });
  return { measure, end: () => socket.destroy() };
}

async function fifty(localPort: number): Promise<Work> {
  const one = async () => {
    const socket = await dial(localPort);
    let missing = 1000;
    const answered = new Promise<void>((resolve) => {
      socket.on("data", (data) => {
        missing -= data.length;
        if (missing === 0) resolve();
      });
    });
    socket.write(Buffer.alloc(missing, "x"));
    await answered;
    socket.destroy();
  };
  const measure = () => timed(() => Promise.all(Array.from({ length: 50 }, one)));
  return { measure, end: () => undefined };
}

async function download(localPort: number): Promise<void> {
  const socket = await dial(localPort);
  for await (const _piece of socket);
}

function upload(bytes: number): (localPort: number) => Promise<void> {
  return async (localPort) => {
    const socket = await dial(localPort);
    const answer = once(socket, "data");
    // The plugin does not transfer a message that is only a line end: there is none in this data.
    socket.write(Buffer.alloc(bytes, "x"));
    await answer;
    socket.destroy();
  };
}
