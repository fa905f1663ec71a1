import { parseArgs } from "node:util";
import { Fatal, run } from "../fatal.ts";
import { createLog } from "../log.ts";
import { VERSION } from "../version.ts";
import { runAgent } from "./run-agent.ts";
import { ServerApi } from "./server-api.ts";
import { readSettings } from "./settings.ts";
import { StatusFiles } from "./status-files.ts";

await run(async () => {
  const { config, version } = readArguments(process.argv.slice(2));
  if (version) {
    process.stdout.write(`dbward-agent ${VERSION}\n`);
    process.exit(0);
  }
  const log = createLog("dbward_agent", process.env.DBWARD_LOG_FORMAT === "json" ? "json" : "text");
  log("INFO", `this is the stand-in for dbward-agent ${VERSION}`);
  const settings = await readSettings(config, process.env);

  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => {
      if (!stopping.signal.aborted) log("INFO", "shutdown signal received, draining");
      stopping.abort();
    });
  const files = new StatusFiles();
  files.alive();
  try {
    await runAgent({ settings, api: new ServerApi(settings), files, log, stopping: stopping.signal });
  } catch (error) {
    throw new Fatal(`Agent error: ${(error as Error).message}`);
  } finally {
    files.remove();
  }
  process.exit(0); // whatever still runs in the background
});

function readArguments(argv: string[]): { config: string; version: boolean } {
  const options = {
    config: { type: "string", default: "dbward-agent.toml" },
    version: { type: "boolean", short: "v", default: false },
  } as const;
  try {
    return parseArgs({ args: argv, options }).values;
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    process.exit(2);
  }
}
