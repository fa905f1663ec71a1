import { mkdir, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Fatal, run } from "../fatal.ts";
import { createLog, type Log } from "../log.ts";
import { loadConfig } from "../toml.ts";
import { SCHEMA_VERSION, VERSION } from "../version.ts";
import { AgentRegistry } from "./agent-registry.ts";
import { type Api, createApi } from "./api.ts";
import { bootstrap } from "./bootstrap.ts";
import { ApiError, send, sendError } from "./http-answer.ts";
import { RequestQueue } from "./request-queue.ts";
import { readServerConfig } from "./server-config.ts";
import { StateStore } from "./state.ts";
import { StateLock } from "./state-lock.ts";

/** Milliseconds between SIGTERM and the end: dbward's own 20 s unless a test wants less. */
const DRAIN_MS = Number(process.env.DBWARD_STANDIN_DRAIN_MS || 20_000);
/** How often the work of agents that are gone is looked for. */
const RECLAIM_MS = 1_000;
/** As long as a file of this name is in the state directory, `/ready` says `degraded`. */
const DEGRADED_FILE = "stand-in-degraded";

interface Arguments {
  readonly host: string;
  readonly port: number;
  readonly config: string;
  readonly forceBootstrap: boolean;
}

await run(async () => {
  const options = readArguments(process.argv.slice(2));
  const log = createLog("dbward_server");
  log(
    "INFO",
    `this is the stand-in for dbward-server ${VERSION}: no SQL is executed and no database is reached`,
  );
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());

  const config = await loadConfig(options.config, readServerConfig);
  const directory = config.stateDirectory;
  await mkdir(directory, { recursive: true });
  const lock = await StateLock.take(directory);
  try {
    const store = await StateStore.open(directory, SCHEMA_VERSION, lock);
    await bootstrap(store, directory, options.forceBootstrap, log);
    const queue = new RequestQueue(store.state, config);
    const agents = new AgentRegistry();
    const api = createApi({
      config,
      store,
      queue,
      agents,
      draining: () => stopping.signal.aborted,
      degraded: async () => ((await isDegraded(directory, lock)) ? "sqlite" : undefined),
    });
    const server = await listen(api, options, log);
    const reclaiming = setInterval(() => {
      if (!stopping.signal.aborted && queue.reclaim(agents)) store.save().catch(crash);
    }, RECLAIM_MS);
    await aborted(stopping.signal);
    log("INFO", "shutting down: draining", { drain_ms: DRAIN_MS });
    await delay(DRAIN_MS);
    clearInterval(reclaiming);
    server.close();
    server.closeAllConnections();
    await store.save();
    log("INFO", "stopped");
  } finally {
    await lock.release();
  }
});

function readArguments(argv: string[]): Arguments {
  let values: { listen: string; config?: string | undefined; "force-bootstrap": boolean };
  try {
    ({ values } = parseArgs({
      args: argv,
      options: {
        listen: { type: "string", default: "0.0.0.0:3000" },
        config: { type: "string" },
        "force-bootstrap": { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new Fatal(`error: ${(error as Error).message}`);
  }
  const [, host, port] = /^(.+):(\d+)$/.exec(values.listen) ?? [];
  if (!host || !port) throw new Fatal(`error: invalid value '${values.listen}' for '--listen'`);
  if (values.config === undefined) throw new Fatal("error: the argument '--config <FILE>' is missing");
  return {
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    config: values.config,
    forceBootstrap: values["force-bootstrap"],
  };
}

async function listen(api: Api, { host, port }: Arguments, log: Log): Promise<Server> {
  const server = createServer(async (request, response) => {
    try {
      send(response, await api(request));
    } catch (error) {
      sendError(response, error);
      if (error instanceof ApiError) return;
      log("ERROR", "request failed", { path: request.url, error: String(error) });
      // Without its lock the state belongs to somebody else: going on would corrupt it.
      if (error instanceof Fatal) crash(error);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Fatal(`Error: cannot listen on ${host}:${port}: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });
  const { address, port: taken } = server.address() as AddressInfo;
  log("INFO", "listening", { address, port: taken, version: VERSION });
  return server;
}

async function isDegraded(directory: string, lock: StateLock): Promise<boolean> {
  const forced = await stat(join(directory, DEGRADED_FILE)).then(
    () => true,
    () => false,
  );
  return forced || !(await lock.held());
}

function crash(error: unknown): never {
  process.stderr.write(`${String((error as Error).message)}\n`);
  process.exit(1);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
