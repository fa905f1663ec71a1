import { LOCAL_STAGE } from "@dbward-aws/contract";
import { describeError } from "@dbward-aws/core";
import { identify } from "@dbward-aws/local-account";
import { StageNotRunning } from "../stage/errors.ts";
import { Progress } from "../stage/progress.ts";
import { type RedeployOptions, redeploy, removeStage } from "../stage/redeploy.ts";
import { fetchStatus, followEvents } from "./control-client.ts";
import { formatDuration, paint } from "./format.ts";
import { ProgressView } from "./progress-view.ts";
import { runningStage } from "./show-status.ts";
import type { Run, StageFiles } from "./stage-files.ts";
import { summarize } from "./summary.ts";

/** Exit code of a command that Ctrl-C ended. */
const INTERRUPTED = 130;

/** Which stage of the account. */
interface StageChoice {
  /** @default - the account's first one */
  readonly stage?: string | undefined;
}

/** Where a change happens. */
interface ChangeContext {
  /** Folder of the checkout. */
  readonly root: string;
  readonly files: StageFiles;
  /** Ends it; the same command run again completes it. */
  readonly signal: AbortSignal;
}

/**
 * Brings the checkout's settings to a stage of the running account, and shows the steps. A further stage need
 * not be there yet.
 *
 * @returns the exit code
 * @throws StageNotRunning
 */
export function deploy(context: ChangeContext, choice: StageChoice = {}): Promise<number> {
  return change(context, choice, { run: redeploy, command: "deploy", done: "Deployed" });
}

/**
 * Removes a stage from the running account, as `sst remove` does; the account and its other stages go on.
 *
 * @returns the exit code
 * @throws StageNotRunning
 */
export function remove(context: ChangeContext, stage: string): Promise<number> {
  return change(context, { stage }, { run: removeStage, command: "remove", done: "Removed" });
}

interface Change {
  readonly run: (options: RedeployOptions) => Promise<void>;
  readonly command: string;
  readonly done: string;
}

async function change(
  { root, files, signal }: ChangeContext,
  { stage }: StageChoice,
  { run: work, command, done }: Change,
): Promise<number> {
  const run = await runningStage(files);
  if (!(await isReady(run, signal))) throw new StageNotRunning();
  const release = await files.claimDeployment(identify(process.pid)!);
  if (!release) {
    process.stderr.write("Another deployment or removal is under way in this checkout. Wait for its end.\n");
    return 1;
  }
  const startedAt = performance.now();
  const view = new ProgressView();
  try {
    const status = await fetchStatus(run, stage);
    if (!status) throw new StageNotRunning();
    await work({
      root,
      directory: files.directory,
      stage: status.stage,
      firstStage: LOCAL_STAGE,
      access: { ...status, credentials: run.credentials },
      progress: new Progress((event) => view.show(event)),
      signal,
    });
  } catch (error) {
    view.close();
    if (signal.aborted) {
      process.stdout.write(`\nInterrupted. Run \`pnpm local ${command}\` again to complete it.\n`);
      return INTERRUPTED;
    }
    process.stderr.write(`\n${describeError(error)}\n`);
    return 1;
  } finally {
    view.close();
    await release();
  }
  process.stdout.write(
    `${paint.good("✓")} ${paint.strong(done)} after ${formatDuration(performance.now() - startedAt)}\n`,
  );
  const after = await fetchStatus(run, stage);
  if (stage !== undefined && after) process.stdout.write(`\n${summarize(after)}\n`);
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
