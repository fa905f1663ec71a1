import { isAlive } from "@dbward-aws/local-account";
import { StageNotRunning } from "../stage/errors.ts";
import { fetchStatus } from "./control-client.ts";
import type { Run, StageFiles } from "./stage-files.ts";
import { summarize } from "./summary.ts";

export interface StatusOptions {
  /** As the JSON that scripts and tests read, see `StageStatus`. */
  readonly json: boolean;
  /** @default - the account's first one */
  readonly stage?: string | undefined;
}

/**
 * Prints the status of a stage of the running account.
 *
 * @throws StageNotRunning
 */
export async function showStatus(files: StageFiles, { json, stage }: StatusOptions): Promise<number> {
  const run = await runningStage(files);
  const status = await fetchStatus(run, stage);
  if (!status) throw new StageNotRunning();
  process.stdout.write(`${json ? JSON.stringify(status, undefined, 2) : summarize(status)}\n`);
  return 0;
}

/** @throws StageNotRunning */
export async function runningStage(files: StageFiles): Promise<Run> {
  const run = await files.run();
  if (!run || !isAlive(run.host)) throw new StageNotRunning();
  return run;
}
