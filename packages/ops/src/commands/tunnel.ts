import { UsageError } from "@dbward-aws/cli";
import { SERVER } from "@dbward-aws/contract";
import type { CommandContext } from "../command.ts";
import { openPort } from "../open-port.ts";
import { portNumber } from "../option-values.ts";
import { taskCommand } from "../stopped-stage.ts";

/** `pnpm ops tunnel`. */
export const tunnel = taskCommand({
  command: "tunnel",
  summary: "Open a local port that leads to the server, or to a host that its task can reach, until Ctrl-C",
  examples: [
    ["tunnel --stage prod --port 3000", "The server's API at http://127.0.0.1:3000"],
    ["tunnel --stage prod --to db.internal:5432", "A database, by way of the server's task"],
  ],
  options: (yargs) =>
    yargs
      .option("port", { requiresArg: true, coerce: portNumber, describe: "Local port (default: a free one)" })
      .option("to", { requiresArg: true, coerce: hostAndPort, describe: "HOST:PORT to reach from the task" }),
  async run(context, { port, to }) {
    const { io, print, signal } = context;
    const opened = await openPort(context, { localPort: port, ...to }, signal, io.complain);
    try {
      for (const line of to ? hostLines(opened.localPort, to) : serverLines(opened.localPort, context))
        print(line);
      const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      await Promise.race([opened.ended, stopped]);
      return 0;
    } finally {
      await opened.close();
    }
  },
});

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

function hostLines(localPort: number, { host, port }: HostAndPort): string[] {
  return [`127.0.0.1:${localPort} leads to ${host}:${port}, until Ctrl-C.`];
}

function serverLines(localPort: number, { settings: { stage } }: CommandContext): string[] {
  return [
    `http://127.0.0.1:${localPort} leads to the server of stage ${stage}, until Ctrl-C.`,
    "For dbward's command line, in another terminal:",
    `  export ${SERVER.urlVariable}=http://127.0.0.1:${localPort}`,
    `  export ${SERVER.tokenVariable}="$(pnpm -s ops tokens get admin --reveal --stage ${stage})"`,
  ];
}

/** `host:5432`, `10.0.0.1:5432` or `[fd00::1]:5432`. @throws UsageError */
function hostAndPort(text: string | undefined): HostAndPort | undefined {
  if (text === undefined) return undefined;
  const [, address, name, digits] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = address ?? name;
  const port = Number(digits);
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw new UsageError(`--to can't be "${text}".`, "Use HOST:PORT, such as db.internal:5432.");
}
