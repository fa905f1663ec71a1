// `pnpm local`: the local stage on the command line.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { DbwardError, describeError } from "@dbward-aws/core";
import { StorageFailed } from "../stage/errors.ts";
import { deploy } from "./deploy.ts";
import { down } from "./down.ts";
import { showEnvironment } from "./show-environment.ts";
import { showLogs } from "./show-logs.ts";
import { showStatus } from "./show-status.ts";
import { StageFiles } from "./stage-files.ts";
import { up } from "./up.ts";

const USAGE = `Runs dbward on this machine, in an emulated AWS account, as sst deploys it.

  pnpm local [--detach] [--port N]   start it, or attach to it; N is the emulated account's port
  pnpm local deploy                  bring changed settings to it, and wait until they run
  pnpm local status [--json]         what runs, and how it is
  pnpm local env                     what other tools need, for the shell: eval "$(pnpm -s local env)"
  pnpm local logs [name] [--follow]  what containers and functions log; name: server, agent, deploy, emulator …
  pnpm local down                    end it
`;

// The SDK's notice about Node 20 would come between the lines; the stage's process inherits this.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

// A reader that has gone, as in `pnpm local logs | head`, is like a terminal that was closed.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.kill(process.pid, "SIGHUP");
});

// What a stage writes is for its owner, whichever command writes it.
process.umask(0o077);

/** The checkout that this file is part of. */
const root = resolve(fileURLToPath(new URL("../../../..", import.meta.url)));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (thrown) {
  const error = StorageFailed.explain(thrown, new StageFiles(root).directory);
  process.stderr.write(`${error instanceof DbwardError ? error.message : describeError(error)}\n`);
  if (!(error instanceof DbwardError) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<number> {
  const parsed = parse(args);
  if (!parsed) return 2;
  const { values, positionals } = parsed;
  const files = new StageFiles(root);
  const [command, name, ...rest] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (rest.length > 0 || (name !== undefined && command !== "logs"))
    return misused(`unexpected '${rest[0] ?? name}'`);
  switch (command) {
    case undefined: {
      const port = values.port === undefined ? undefined : Number(values.port);
      if (port !== undefined && !(Number.isInteger(port) && port >= 1024 && port <= 65_000)) {
        return misused(`--port takes a number from 1024 to 65000, not '${values.port}'`);
      }
      return up({ root, files, detach: values.detach, ...(port === undefined ? {} : { port }) });
    }
    case "status":
      return showStatus(files, { json: values.json });
    case "deploy":
      return deploy(root, files);
    case "env":
      return showEnvironment(files);
    case "logs":
      return showLogs({ files, follow: values.follow, ...(name === undefined ? {} : { source: name }) });
    case "down":
      return down(files);
    default:
      return misused(`there is no command '${command}'`);
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        detach: { type: "boolean", short: "d", default: false },
        port: { type: "string" },
        json: { type: "boolean", default: false },
        follow: { type: "boolean", short: "f", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    misused(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function misused(what: string): number {
  process.stderr.write(`pnpm local: ${what}\n\n${USAGE}`);
  return 2;
}
