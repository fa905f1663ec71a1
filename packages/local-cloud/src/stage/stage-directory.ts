import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ProcessList } from "../task-runner/process-list.ts";

/** Folders of a stage's directory that belong to one run. The emulated account forgets everything when it ends, and so do they. */
const RUN_FOLDERS = ["bin", "efs", "tasks", "tmp", "sst", "home"];

/** Ends containers that a killed run has left behind, and removes what it wrote. Nothing else is touched. */
export async function clearRun(
  directory: string,
  { keepLogs }: { readonly keepLogs: boolean },
): Promise<void> {
  new ProcessList(directory).endOrphans();
  const folders = keepLogs ? RUN_FOLDERS : [...RUN_FOLDERS, "logs"];
  await Promise.all(
    folders.map((folder) => rm(join(directory, folder), { recursive: true, force: true, maxRetries: 3 })),
  );
}
