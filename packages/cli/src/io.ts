import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { escapeControls } from "@dbward-aws/core";

/** The surroundings of a command: where it runs and where its output goes. Tests pass their own. */
export interface CliIo {
  /** Working directory. */
  readonly directory: string;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line to standard error. */
  complain(line: string): void;
  /** Aborts on Ctrl-C and on SIGTERM. */
  readonly signal: AbortSignal;
  /** Writes output of a container or another program to standard output, and waits while that is full. */
  write(output: Uint8Array): Promise<void>;
  /** Standard input, for what is too secret for a command line. @default - that of the process */
  readonly input?: Readable;
  /** The person's terminal. @default - none: nothing is asked, and progress is plain lines */
  readonly terminal?: Terminal;
}

/** A terminal on which questions are asked and progress is shown. */
export interface Terminal {
  readonly input: Readable & { setRawMode?(on: boolean): unknown };
  readonly output: Writable & { readonly columns?: number; readonly rows?: number };
}

/** The surroundings of this process. A second Ctrl-C ends the process at once. */
export function processIo(): CliIo {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  process.stdout.on("error", endWithReader(process.exit));
  return {
    directory: process.cwd(),
    print: (line) => process.stdout.write(`${line}\n`),
    complain: (line) => process.stderr.write(`${line}\n`),
    write: outputWriter(process.stdout),
    signal: stop.signal,
    // Questions and progress go to standard error, so that standard output can be piped.
    ...(process.stdin.isTTY && process.stderr.isTTY
      ? { terminal: { input: process.stdin, output: process.stderr } }
      : {}),
  };
}

/** Exit code that a shell reports for a program that SIGPIPE ended, which Node.js ignores. */
const BROKEN_PIPE = 128 + 13;

/**
 * Ends the process quietly when the reader of its output is gone, as in `pnpm ops logs | head`.
 *
 * @returns a listener for errors of the output, which throws every other error
 */
export function endWithReader(exit: (code: number) => void): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code !== "EPIPE") throw error;
    exit(BROKEN_PIPE);
  };
}

/** Writes bytes as they are, except to a terminal, which would act on control characters. */
function outputWriter(output: NodeJS.WriteStream): CliIo["write"] {
  const decoder = new TextDecoder();
  return async (bytes) => {
    const written = output.isTTY ? escapeControls(decoder.decode(bytes, { stream: true })) : bytes;
    if (!output.write(written)) await once(output, "drain");
  };
}
