import { UsageError } from "@dbward-aws/cli";
import { Deadline, escapeControls } from "@dbward-aws/core";
import { commandWords } from "../command-words.ts";
import { containerPositionals, openContainer } from "../container-access.ts";
import { taskCommand } from "../stopped-stage.ts";

/** Until the command ends. */
const FOREVER_MS = 2 ** 31 - 1;
/** Most bytes of standard input: the limit of `EcsExec`. */
const MAX_INPUT = 1024 * 1024;
/** The exit code of a shell for a command that Ctrl-C ended. */
const INTERRUPTED = 130;

/** `pnpm ops run`. */
export const run = taskCommand({
  command: "run [part] [name]",
  summary: "Run a command in the container of the server or of an agent, and return its exit code",
  examples: [
    ["run server --stage prod -- ls -l /data", "Output is exact, byte for byte"],
    ["run agent app --stage prod -- sh -c 'df -h | head'", "A pipe needs a shell"],
  ],
  options: (yargs) =>
    containerPositionals(yargs).option("stdin", {
      type: "boolean",
      default: false,
      describe: "Pass standard input on, at most 1 MiB",
    }),
  async run(context, { part, name, stdin, "--": words }) {
    const command = commandWords(words);
    const input = stdin ? await readInput() : undefined;
    const { exec, container, explain } = await openContainer(context, part, name);
    const { io, signal } = context;
    const stream = exec.stream({
      ...container,
      command,
      ...(input === undefined ? {} : { stdin: input }),
      deadline: Deadline.after(FOREVER_MS),
      signal,
    });
    try {
      for await (const chunk of stream) await io.write(chunk);
      const { exitCode, stderr } = await stream.outcome;
      if (stderr.length > 0) io.complain(escapeControls(Buffer.from(stderr).toString().replace(/\n$/, "")));
      return exitCode;
    } catch (error) {
      await stream.outcome.catch(() => {});
      if (signal.aborted) return INTERRUPTED;
      throw explain(error);
    }
  },
});

async function readInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > MAX_INPUT)
      throw new UsageError(
        "Standard input has more than 1 MiB.",
        "Pass less, or let the command fetch the data itself.",
      );
  }
  return Buffer.concat(chunks);
}
