import { log, spinner } from "@clack/prompts";
import { escapeControls } from "@dbward-aws/core";
import type { CliIo } from "./io.ts";

/** The progress of something that takes a while. */
export interface Progress {
  /** What is being done now; replaces the former step on a terminal. */
  step(message: string): void;
  /** A line that stays, such as an event of a service. */
  note(message: string): void;
  /** The present step is done. */
  done(message: string): void;
  /** Ends the display without a result, before an error is printed. */
  stop(): void;
}

/**
 * Shows progress: a spinner on a terminal, else plain lines.
 *
 * @param toStandardError write plain lines to standard error, because standard output is for a script
 */
export function createProgress(io: CliIo, toStandardError = false): Progress {
  return io.terminal ? onTerminal(io.terminal.output) : plain(toStandardError ? io.complain : io.print);
}

function plain(print: (line: string) => void): Progress {
  const write = (message: string) => print(escapeControls(message));
  return {
    step: write,
    note: (message) => write(`  ${message}`),
    done: write,
    stop: () => {},
  };
}

function onTerminal(output: NonNullable<CliIo["terminal"]>["output"]): Progress {
  let current: ReturnType<typeof spinner> | undefined;
  const stop = () => {
    current?.clear();
    current = undefined;
  };
  const start = (message: string) => {
    current = spinner({ output, withGuide: false, indicator: "timer" });
    current.start(escapeControls(message));
  };
  let shown = "";
  return {
    step(message) {
      shown = message;
      if (current) current.message(escapeControls(message));
      else start(message);
    },
    note(message) {
      const wasRunning = current !== undefined;
      stop();
      log.message(escapeControls(message), { output, withGuide: false, spacing: 0 });
      if (wasRunning) start(shown);
    },
    done(message) {
      stop();
      log.success(escapeControls(message), { output, withGuide: false, spacing: 0 });
    },
    stop,
  };
}
