import { once } from "node:events";
import { type Command, UsageError } from "../command.ts";

/** `pnpm ops dashboard`. */
export const dashboard: Command = {
  summary: "the stage's dashboard as a page on this machine, until Ctrl-C",
  usage: "[--port PORT]",
  options: { port: { type: "string" } },
  async run({ settings, clients, options, print, signal }) {
    const port = Number(options.port ?? 0);
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new UsageError(
        `--port can't be "${options.port}".`,
        "Write a number up to 65535, or leave it out.",
      );
    // Loaded when asked for: no other command needs a web server.
    const { startDashboardPage } = await import("@dbward-aws/ops-page");
    const page = await startDashboardPage({ stage: settings.stage, aws: clients, port });
    print(`Stage ${settings.stage}: ${page.url} (Ctrl-C ends it)`);
    if (!signal.aborted) await once(signal, "abort");
    await page.close();
    return 0;
  },
};
