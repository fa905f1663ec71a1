// `pnpm local`: the local stage on the command line.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { processIo } from "@dbward-aws/cli";
import { runLocal } from "./run-local.ts";

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

process.exitCode = await runLocal(process.argv.slice(2), root, processIo());
