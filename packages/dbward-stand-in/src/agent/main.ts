import { parseArgs } from "node:util";
import { Fatal, run } from "../fatal.ts";
import { createLog } from "../log.ts";
import { loadConfig } from "../toml.ts";
import { VERSION } from "../version.ts";
import { readAgentConfig } from "./agent-config.ts";
import { AgentLoop } from "./agent-loop.ts";
import { isPrivateHost } from "./private-address.ts";
import { StatusFiles } from "./status-files.ts";

await run(async () => {
  const file = readArguments(process.argv.slice(2));
  const log = createLog("dbward_agent");
  log(
    "INFO",
    `this is the stand-in for dbward-agent ${VERSION}: no SQL is executed and no database is reached`,
  );
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());

  const config = await loadConfig(file, (toml) => readAgentConfig(toml, process.env));
  const { protocol, hostname } = config.serverUrl;
  if (protocol === "http:" && !(await isPrivateHost(hostname)))
    throw new Fatal(
      `Error: refusing plain HTTP to ${hostname}: it is outside private networks; use https://`,
    );
  const files = new StatusFiles();
  try {
    await new AgentLoop(config, files, log).run(stopping.signal);
  } finally {
    files.remove();
  }
  process.exit(0);
});

function readArguments(argv: string[]): string {
  try {
    const { config } = parseArgs({ args: argv, options: { config: { type: "string" } } }).values;
    if (config === undefined) throw new Error("the argument '--config <FILE>' is missing");
    return config;
  } catch (error) {
    throw new Fatal(`error: ${(error as Error).message}`);
  }
}
