import { once } from "node:events";
import { command } from "../command.ts";
import { portNumber } from "../option-values.ts";

/** `pnpm ops dashboard`. */
export const dashboard = command({
  command: "dashboard",
  summary: "Serve the stage's dashboard on this machine, until Ctrl-C",
  examples: [["dashboard --stage prod --port 8080", "http://127.0.0.1:8080"]],
  options: (yargs) =>
    yargs.option("port", {
      requiresArg: true,
      coerce: portNumber,
      describe: "Local port (default: a free one)",
    }),
  async run({ settings, clients, links, print, signal }, { port = 0 }) {
    // Loaded when asked for: no other command needs a web server.
    const { startDashboardPage } = await import("@dbward-aws/ops-page");
    const page = await startDashboardPage({ stage: settings.stage, aws: clients, settings, links, port });
    print(`Stage ${settings.stage}: ${page.url} (stop it with Ctrl-C)`);
    if (!signal.aborted) await once(signal, "abort");
    await page.close();
    return 0;
  },
});
