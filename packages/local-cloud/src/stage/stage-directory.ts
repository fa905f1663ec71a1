import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RIGHTS_FILE } from "@dbward-aws/local-account";
import { endOrphanedTasks } from "@dbward-aws/local-ecs";

/**
 * What in a stage's directory belongs to one run. The emulated account forgets everything when it ends, and
 * so do they.
 */
const OF_A_RUN = [RIGHTS_FILE, "bin", "efs", "tasks", "tmp", "sst", "home"];

/** Folder in which sst works for a stage. @param directory of the account */
export function stageView(directory: string, stage: string): string {
  return join(directory, "sst", stage);
}

/**
 * A log of the tools that work on a stage.
 *
 * @param directory of the account
 * @param first the account's first stage, whose logs have plain names
 */
export function stageLog(directory: string, stage: string, first: string, name: string): string {
  return join(directory, "logs", `${stage === first ? name : `${name}-${stage}`}.log`);
}

/** Ends containers that a killed run has left behind, and removes what it wrote. Nothing else is touched. */
export async function clearRun(
  directory: string,
  { keepLogs }: { readonly keepLogs: boolean },
): Promise<void> {
  endOrphanedTasks(directory);
  const paths = keepLogs ? OF_A_RUN : [...OF_A_RUN, "logs"];
  await Promise.all(
    paths.map((path) => rm(join(directory, path), { recursive: true, force: true, maxRetries: 3 })),
  );
}
