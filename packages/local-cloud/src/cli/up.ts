import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "@dbward-aws/local-account";
import { createLogUpdate } from "log-update";
import { StageEnded } from "../stage/errors.ts";
import { DEFAULT_BASE_PORT, reservePorts } from "../stage/ports.ts";
import { clearRun } from "../stage/stage-directory.ts";
import { fetchStatus, followEvents } from "./control-client.ts";
import { endRun } from "./end-run.ts";
import { formatDuration, paint } from "./format.ts";
import { ProgressView } from "./progress-view.ts";
import type { RunEvent } from "./run-events.ts";
import type { Run, StageFiles } from "./stage-files.ts";
import { lastLines, startHost } from "./start-host.ts";
import { summarize } from "./summary.ts";

export interface UpOptions {
  /** Folder of the checkout. */
  readonly root: string;
  readonly files: StageFiles;
  /** Return once everything is deployed, and leave it running. */
  readonly detach: boolean;
  /** Port of the emulated account. */
  readonly port?: number;
  /** Ends what this command started, or the view of what it attached to. */
  readonly signal: AbortSignal;
}

/** How a start ended for the command that watched it. */
type Outcome = "ready" | "unhealthy" | "failed" | "ended" | "interrupted";

/**
 * Starts the local stage, or attaches to the one that runs, and shows it until Ctrl-C. Ctrl-C ends what this
 * command has started; what it has only attached to goes on.
 *
 * @returns the exit code
 */
export async function up(options: UpOptions): Promise<number> {
  const { files, detach, signal } = options;
  const found = await findRun(files);
  const run = found ?? (await start(options));
  const outcome = await watchStart(run, signal);
  if (outcome === "failed") {
    await endRun(files, run); // it is ending already: the next start must not meet it
    return 1;
  }
  if (outcome === "ended") throw new StageEnded(files.log("host"), await lastLines(files.log("host")));
  if (outcome === "ready" || outcome === "unhealthy") {
    if (detach) {
      await printSummary(run);
      say("It runs in the background. To end it: pnpm local down");
      return outcome === "ready" ? 0 : 1;
    }
    say(found ? "Ctrl-C leaves it running." : "Ctrl-C ends it.");
    if (!(await watchStage(run, signal)) && !signal.aborted) {
      const reasons = await lastLines(files.log("host"), 3);
      say(["The local stage has ended.", ...reasons].join("\n"));
      return reasons.length > 0 ? 1 : 0;
    }
  }
  if (found) {
    say("\nDetached; the local stage keeps running. To end it: pnpm local down");
    return 0;
  }
  say("\nEnding the local stage …");
  await endRun(files, run);
  say(`Ended, and the emulated account with it. The logs are in ${files.directory}/logs.`);
  return 0;
}

/** The running stage, if any. What an interrupted one left behind is removed. */
async function findRun(files: StageFiles): Promise<Run | undefined> {
  const run = await files.run();
  if (!run) return undefined;
  if (isAlive(run.host)) {
    say("A local stage is already running in this checkout; attached to it.");
    return run;
  }
  say("The last local stage was interrupted; what it left behind is removed.");
  await endRun(files, run);
  return undefined;
}

async function start({ root, files, port }: UpOptions): Promise<Run> {
  const wishes = { remembered: await files.ports(), from: DEFAULT_BASE_PORT };
  const { ports, release } = await reservePorts(port === undefined ? wishes : { ...wishes, asked: port });
  await files.rememberPorts(ports);
  await release(); // the stage's own process reserves them again
  await clearRun(files.directory, { keepLogs: false });
  return startHost(root, files);
}

async function watchStart(run: Run, signal: AbortSignal): Promise<Outcome> {
  const view = new ProgressView();
  try {
    for await (const event of followEvents(run, signal)) {
      if (event.kind === "ready") {
        view.close();
        return sayReady(event);
      }
      if (event.kind === "failed-start") {
        view.close();
        process.stderr.write(`\n${event.message}\n`);
        return "failed";
      }
      view.show(event);
    }
    return signal.aborted ? "interrupted" : "ended";
  } finally {
    view.close();
  }
}

function sayReady({ milliseconds, problems = [] }: Extract<RunEvent, { kind: "ready" }>): Outcome {
  const after = `after ${formatDuration(milliseconds)}`;
  if (problems.length === 0) {
    say(`${paint.good("✓")} ${paint.strong("Ready")} ${after}\n`);
    return "ready";
  }
  say(`${paint.bad("✗")} ${paint.strong("Deployed")} ${after}, but services don't run:`);
  for (const problem of problems) say(`  ${problem}`);
  say("  To see what they print: pnpm local logs\n");
  return "unhealthy";
}

const SUMMARY_MS = 2_000;

/** Shows the summary until `signal` aborts. @returns false when the stage ended by itself */
async function watchStage(run: Run, signal: AbortSignal): Promise<boolean> {
  const live = process.stdout.isTTY ? createLogUpdate(process.stdout) : undefined;
  let shown = "";
  while (!signal.aborted) {
    const status = await fetchStatus(run);
    if (!status && !isAlive(run.host)) return false;
    const summary = status ? summarize(status) : shown;
    if (live) live(summary);
    else if (summary !== shown) say(summary);
    shown = summary;
    await delay(SUMMARY_MS, undefined, { signal }).catch(() => undefined);
  }
  live?.done();
  return true;
}

async function printSummary(run: Run): Promise<void> {
  const status = await fetchStatus(run);
  if (status) say(`${summarize(status)}\n`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
