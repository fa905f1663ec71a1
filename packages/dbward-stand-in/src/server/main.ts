import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Fatal, run } from "../fatal.ts";
import { createLog, type Log } from "../log.ts";
import { SCHEMA_VERSION, VERSION } from "../version.ts";
import type { App } from "./app/app.ts";
import { AuditLog } from "./app/audit-log.ts";
import { Clock } from "./app/clock.ts";
import { Metrics } from "./app/metrics.ts";
import { RequestEvents } from "./app/request-events.ts";
import { SigningKey } from "./app/signing-key.ts";
import { startBackground } from "./background.ts";
import { bootstrap } from "./bootstrap.ts";
import { loadConfig, type ServerConfig } from "./config/server-config.ts";
import { type Flags, readAddress, readFlags } from "./flags.ts";
import { createListener } from "./http/listener.ts";
import { Router } from "./http/router.ts";
import { routesOf } from "./routes.ts";
import { checkS3 } from "./s3.ts";
import { ResultFiles } from "./state/results.ts";
import { Store } from "./state/store.ts";
import { syncConfig } from "./sync.ts";

/** Milliseconds between SIGTERM and the end: dbward's own 20 s unless a test wants less. */
const DRAIN_MS = Number(process.env.DBWARD_STANDIN_DRAIN_MS || 20_000);
/** How often the file is read again at most. */
const RELOAD_MS = 5_000;

await run(async () => {
  const flags = readFlags(process.argv.slice(2), process.env);
  if (flags.version) return void process.stdout.write(`dbward-server ${VERSION}\n`);
  const loaded = loadConfig(flags.config, process.env);
  const log = createLog("dbward_server", loaded.config.logging.format);
  log(
    "INFO",
    `this is the stand-in for dbward-server ${VERSION}: no SQL is executed and no database is reached`,
  );
  checkLicense(flags);
  const app = open(loaded.config);
  bootstrap(app, flags.forceBootstrap);
  syncConfig(app, loaded);
  const stop = await serve(app, flags, log);
  process.on("SIGHUP", reloader(app, flags, log));
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
  await stop();
});

function checkLicense({ licenseKey, licenseFile }: Flags): void {
  if (licenseFile !== undefined && !existsSync(licenseFile))
    throw new Fatal(`Error: internal: failed to read license file: ${licenseFile}`);
  if (licenseKey?.trim()) throw new Fatal("Error: internal: invalid license key: the stand-in takes none");
}

/** Opens the state directory, making it when it isn't there, with all that dbward has in it. */
function open(config: ServerConfig): App {
  const { stateDirectory: directory } = config;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "server.pid"), String(process.pid));
  const clock = new Clock();
  const store = Store.open(directory, SCHEMA_VERSION);
  if (config.s3) checkS3(config.s3, process.env);
  const auditKey = new SigningKey(join(directory, "audit-signing.key"));
  writeAuditKeys(join(directory, "audit-keys.json"), auditKey);
  return {
    config,
    clock,
    store,
    results: new ResultFiles(config.resultsDirectory),
    audit: new AuditLog(store, clock),
    metrics: new Metrics(),
    events: new RequestEvents(),
    signingKey: new SigningKey(join(directory, "signing.key")),
    draining: false,
  };
}

function writeAuditKeys(file: string, key: SigningKey): void {
  if (existsSync(file)) return;
  const name = "k-1";
  const keys = { [name]: key.publicKey.toString("base64") };
  writeFileSync(file, JSON.stringify({ current: name, keys }, undefined, 2));
}

/** Listens and answers. @returns what drains and ends the server */
async function serve(app: App, flags: Flags, log: Log): Promise<() => Promise<void>> {
  const { host, port } = readAddress(flags.listen);
  const server = createListener(app, new Router(routesOf(app)), log);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Fatal(`Error: cannot listen on ${flags.listen}: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });
  const stopBackground = startBackground(app, log);
  const { address, port: taken } = server.address() as AddressInfo;
  log("INFO", "server started", { addr: `${address}:${taken}`, version: VERSION });
  return async () => {
    log("INFO", "shutdown signal received, entering drain mode", { drain_ms: DRAIN_MS });
    app.draining = true;
    stopBackground();
    app.events.stop();
    await delay(DRAIN_MS);
    // Calls in flight go on for as long as they take; connections without one are closed.
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.on("request", (_, response) => response.setHeader("connection", "close"));
      const closing = setInterval(() => server.closeIdleConnections(), 50);
      server.once("close", () => clearInterval(closing));
    });
    app.store.flush();
    log("INFO", "server stopped");
    process.exit(0);
  };
}

/** Reads the file again, and keeps to the former one when there is a mistake in it. */
function reloader(app: App, flags: Flags, log: Log): () => void {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - last < RELOAD_MS) return;
    last = performance.now();
    try {
      syncConfig(app, loadConfig(flags.config, process.env));
      log("INFO", "config reloaded successfully");
    } catch (error) {
      log("WARN", `config reload failed: ${(error as Error).message}`);
    }
  };
}
