import { StageNotRunning } from "../stage/errors.ts";
import { fetchStatus } from "./control-client.ts";
import { isAlive } from "./process-identity.ts";
import type { Run, StageFiles } from "./stage-files.ts";
import { summarize } from "./summary.ts";

/**
 * Prints the status of the running stage.
 *
 * @param json as the JSON that scripts and tests read, see `StageStatus`
 * @throws StageNotRunning
 */
export async function showStatus(files: StageFiles, { json }: { readonly json: boolean }): Promise<number> {
  const run = await runningStage(files);
  const status = await fetchStatus(run);
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
