import { endRun } from "./end-run.ts";
import type { StageFiles } from "./stage-files.ts";

/** Ends the local stage. @returns the exit code: 0 also when there was none */
export async function down(files: StageFiles): Promise<number> {
  const run = await files.run();
  const wasRunning = run !== undefined && (await endRun(files, run));
  if (!run) {
    process.stdout.write("No local stage was running.\n");
    return 0;
  }
  const what = wasRunning
    ? "The local stage has ended. The emulated account and the server's files are removed."
    : "The last local stage was interrupted; what it left behind has been removed.";
  process.stdout.write(`${what}\nKept in ${files.directory}: the installed emulator, the ports, the logs.\n`);
  return 0;
}
