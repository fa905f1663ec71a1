import { describeError } from "@dbward-aws/core";
import { StageNotRunning } from "../stage/errors.ts";
import { Progress } from "../stage/progress.ts";
import { redeploy } from "../stage/redeploy.ts";
import { fetchStatus, followEvents } from "./control-client.ts";
import { formatDuration, paint } from "./format.ts";
import { identify } from "./process-identity.ts";
import { ProgressView } from "./progress-view.ts";
import { runningStage } from "./show-status.ts";
import type { Run, StageFiles } from "./stage-files.ts";

/** Exit code of a command that Ctrl-C ended. */
const INTERRUPTED = 130;

/**
 * Brings the checkout's settings to the running stage, and shows the steps.
 *
 * @param root folder of the checkout
 * @returns the exit code
 * @throws StageNotRunning
 */
export async function deploy(root: string, files: StageFiles): Promise<number> {
  const run = await runningStage(files);
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt.abort());
  if (!(await isReady(run, interrupt.signal))) throw new StageNotRunning();
  const release = await files.claimDeployment(identify(process.pid)!);
  if (!release) {
    process.stderr.write("Another `pnpm local deploy` is running in this checkout. Wait for its end.\n");
    return 1;
  }
  const startedAt = performance.now();
  const view = new ProgressView();
  try {
    const status = await fetchStatus(run);
    if (!status) throw new StageNotRunning();
    await redeploy({
      root,
      directory: files.directory,
      stage: status.stage,
      access: { ...status, credentials: run.credentials },
      progress: new Progress((event) => view.show(event)),
      signal: interrupt.signal,
    });
  } catch (error) {
    view.close();
    if (interrupt.signal.aborted) {
      process.stdout.write("\nInterrupted. Run `pnpm local deploy` again to complete it.\n");
      return INTERRUPTED;
    }
    process.stderr.write(`\n${describeError(error)}\n`);
    return 1;
  } finally {
    view.close();
    await release();
  }
  process.stdout.write(
    `${paint.good("✓")} ${paint.strong("Deployed")} after ${formatDuration(performance.now() - startedAt)}\n`,
  );
  return 0;
}

/** Waits for the first deployment of a stage that is still starting. @returns false when its start failed */
async function isReady(run: Run, signal: AbortSignal): Promise<boolean> {
  const waiting = setTimeout(
    () => process.stdout.write("Waiting for the start of the local stage.\n"),
    1_000,
  );
  try {
    for await (const { kind } of followEvents(run, signal)) {
      if (kind === "ready") return true;
      if (kind === "failed-start") return false;
    }
    return false;
  } finally {
    clearTimeout(waiting);
  }
}
