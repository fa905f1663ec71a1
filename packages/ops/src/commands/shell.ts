import { randomBytes } from "node:crypto";
import { type Terminal, UsageError } from "@dbward-aws/cli";
import { Deadline } from "@dbward-aws/core";
import type { RawSession } from "@dbward-aws/ecs-exec";
import { quote } from "shell-quote";
import { containerPositionals, openContainer } from "../container-access.ts";
import { ExitMarker } from "../exit-marker.ts";
import { taskCommand } from "../stopped-stage.ts";

/** Milliseconds for opening the session. */
const OPEN_WITHIN = 120_000;
/** The exit code of a shell that was killed, or whose session was closed. */
const KILLED = 1;

/** `pnpm ops shell`. */
export const shell = taskCommand({
  command: "shell [part] [name]",
  summary: "Open a shell in the container of the server or of an agent",
  examples: [
    ["shell --stage prod", "In the server's container"],
    ["shell agent app --stage prod", "In that of the agent app"],
  ],
  options: (yargs) =>
    containerPositionals(yargs).option("shell", {
      type: "string",
      requiresArg: true,
      default: "/bin/sh",
      describe: "Program to start",
    }),
  async run(context, { part, name, shell: program }) {
    const { terminal } = context.io;
    if (!terminal)
      throw new UsageError("A shell needs a terminal.", "Use `pnpm ops run` for a command without one.");
    const { exec, container, explain } = await openContainer(context, part, name);
    const marker = new ExitMarker(randomBytes(12).toString("hex"));
    try {
      const session = await exec.open({
        ...container,
        commandLine: `/bin/sh -c ${quote([marker.script(quote([program]))])}`,
        terminal: sizeOf(terminal),
        deadline: Deadline.after(OPEN_WITHIN, context.signal),
      });
      await join(terminal, session, marker);
    } catch (error) {
      throw explain(error);
    }
    return marker.exitCode ?? KILLED;
  },
});

function sizeOf({ output: { columns = 80, rows = 24 } }: Terminal) {
  return { cols: columns, rows };
}

/** Joins a terminal with a session until that ends. Ctrl-C and all other keys go to the container. */
async function join(terminal: Terminal, session: RawSession, marker: ExitMarker): Promise<void> {
  const { input, output } = terminal;
  const type = (keys: Uint8Array | string) => session.write(keys);
  const resize = () => session.resize(sizeOf(terminal));
  const write = (bytes: Uint8Array) => new Promise<void>((resolve) => output.write(bytes, () => resolve()));
  input.setRawMode?.(true);
  input.on("data", type);
  input.resume();
  output.on("resize", resize);
  try {
    for await (const bytes of session) await write(marker.take(bytes));
    await write(marker.end());
  } finally {
    input.setRawMode?.(false);
    input.off("data", type);
    input.pause();
    output.off("resize", resize);
    session.close();
  }
}
