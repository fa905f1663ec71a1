import { rm } from "node:fs/promises";
import { join } from "node:path";

/** Folders of a stage's directory that belong to one run. The emulated account forgets everything when it ends, and so do they. */
const RUN_FOLDERS = ["efs", "tasks", "tmp", "sst", "home"];

/** Removes what a run wrote into its directory. Nothing else in it is touched. */
export async function clearRun(
  directory: string,
  { keepLogs }: { readonly keepLogs: boolean },
): Promise<void> {
  const folders = keepLogs ? RUN_FOLDERS : [...RUN_FOLDERS, "logs"];
  await Promise.all(
    folders.map((folder) => rm(join(directory, folder), { recursive: true, force: true, maxRetries: 3 })),
  );
}
