// The process that hosts a local stage: started by `pnpm local`, ended by SIGTERM.

import { randomBytes } from "node:crypto";
import { METRICS } from "@dbward-aws/contract";
import { Deadline, describeError } from "@dbward-aws/core";
import { identify, newCredentials } from "@dbward-aws/local-account";
import { type DashboardPage, startDashboardPage } from "@dbward-aws/ops-page";
import { StorageFailed } from "../stage/errors.ts";
import { type LocalStage, startLocalStage } from "../stage/local-stage.ts";
import { DEFAULT_BASE_PORT, reservePorts, reserveStagePorts } from "../stage/ports.ts";
import { Progress } from "../stage/progress.ts";
import { clearRun } from "../stage/stage-directory.ts";
import { startControlServer } from "./control-server.ts";
import { OtherStages } from "./other-stages.ts";
import { RunEvents } from "./run-events.ts";
import { StageFiles } from "./stage-files.ts";
import { ALREADY_RUNNING } from "./start-host.ts";

// Everything that this process and its children write is private to its owner: it includes tokens and keys.
process.umask(0o077);
const [root = "."] = process.argv.slice(2);
const files = new StageFiles(root);
const events = new RunEvents();
const progress = new Progress((event) => events.add(event));
const ending = new AbortController();
const FIRST_METRIC_MS = 30_000;
let stage: LocalStage | undefined;
let dashboard: DashboardPage | undefined;
const others = new OtherStages(serveDashboard);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => ending.abort());

const secret = randomBytes(30).toString("base64url");
const credentials = newCredentials();
const control = await startControlServer({
  secret,
  events,
  status: async (name) => {
    if (!stage || name === undefined || name === stage.stage) return stage?.status(dashboard?.url);
    return others.status(await others.get(stage, name));
  },
});
const host = identify(process.pid);
if (!host || !(await files.claim({ host, control: control.port, secret, credentials })))
  process.exit(ALREADY_RUNNING);

let exitCode = 0;
// A log that can't be written fails outside of every step.
process.on("uncaughtException", (error) => {
  fail(error);
  ending.abort();
});
try {
  await bringUp();
  await new Promise<void>((resolve) => {
    if (ending.signal.aborted) resolve();
    ending.signal.addEventListener("abort", () => resolve(), { once: true });
    void stage?.ended.then(() => {
      if (!ending.signal.aborted)
        console.error(
          `The emulated account has ended by itself. Read ${files.log("emulator")}, then start again.`,
        );
      resolve();
    });
  });
} catch (error) {
  if (!ending.signal.aborted) fail(error);
} finally {
  await others.close();
  await dashboard?.close();
  await stage?.close().catch((error: unknown) => console.error(describeError(error)));
  await clearRun(files.directory, { keepLogs: true });
  await files.release();
  await control.close();
}
process.exit(exitCode);

/** Reports a failure to the commands that watch the start, and to the log. */
function fail(thrown: unknown): void {
  exitCode = 1;
  const error = StorageFailed.explain(thrown, files.directory);
  const message = error instanceof StorageFailed ? error.message : describeError(error);
  events.add({ kind: "failed-start", message });
  console.error(message);
}

async function bringUp(): Promise<void> {
  const startedAt = performance.now();
  // The reservation ends with this process.
  const { ports } = await reservePorts({ remembered: await files.ports(), from: DEFAULT_BASE_PORT });
  await files.rememberPorts(ports);
  const started = await startLocalStage({
    root,
    directory: files.directory,
    ports,
    stagePorts: async (name) => {
      const reserved = await reserveStagePorts(await files.stagePorts(name));
      await files.rememberStagePorts(name, reserved.ports);
      return reserved;
    },
    credentials,
    progress,
    signal: ending.signal,
  });
  stage = started;
  await started.deploy();
  const problems: string[] = [];
  await progress
    .step("Wait for healthy tasks", async () => {
      problems.push(...(await started.steady()));
      if (problems.length > 0) throw new Error("not all are");
    })
    // The stage goes on: what is wrong is seen best while it runs.
    .catch((error: unknown) => {
      if (problems.length === 0) throw error;
    });
  dashboard = await progress.step("Open the dashboard", async (note) => {
    const page = await serveDashboard(started);
    note(page.url);
    return page;
  });
  await progress.step("First metric", (note) => firstMetric(started, note));
  events.add({ kind: "ready", milliseconds: Math.round(performance.now() - startedAt), problems });
}

/** The page asks an account on this machine: it may look often. */
function serveDashboard(started: LocalStage): Promise<DashboardPage> {
  return startDashboardPage({
    stage: started.stage,
    port: started.ports.dashboard,
    aws: started.clientConfig(),
    refreshSeconds: { metrics: 5, state: 2 },
    // It was started minutes ago: three hours would be an empty chart.
    range: "15m",
  });
}

/** The schedule's first turn is a minute away: the poller is asked once now. */
async function firstMetric(started: LocalStage, note: (text: string) => void): Promise<void> {
  await started.poll();
  const name = await Deadline.after(FIRST_METRIC_MS, ending.signal).until(async () => {
    const { metrics } = await started.status();
    return Object.keys(METRICS).find((metric) => metric in metrics);
  }, 250);
  note(name === undefined ? "none yet: see `pnpm local logs`" : `${name} is in CloudWatch`);
}
