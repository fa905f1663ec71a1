import { randomBytes } from "node:crypto";
import { CommandNotStarted } from "./errors.ts";
import type { Completion } from "./framing/index.ts";
import { encodeInput, FrameReader, frameCommand, OutputTruncated, RECEIPT } from "./framing/index.ts";
import { printable } from "./printable.ts";
import type { ExecSession, OutputListener, SessionEnd } from "./session/index.ts";

/** A script, and where its output goes. */
export interface FramedRun {
  readonly script: string;
  readonly stdin: Uint8Array | undefined;
  /** Interrupts the command when it aborts. */
  readonly signal: AbortSignal;
  /** Opens the session of a command line; what it outputs goes to `onOutput`. */
  readonly open: (commandLine: string, onOutput: OutputListener) => Promise<ExecSession>;
  /** May throw to end it. */
  readonly onStdout: (bytes: Buffer) => void;
}

/**
 * Runs a script once, in one session.
 *
 * It ends with the script's last line, and not with the session: the service closes that later, and says nothing of
 * the command when it does.
 *
 * @throws CommandNotStarted, OutputTruncated, InputTruncated, ToolsMissing, what `open` throws, and what ended the
 * session
 */
export async function runFramed({ script, stdin, signal, open, onStdout }: FramedRun): Promise<Completion> {
  const nonce = randomBytes(8).toString("hex");
  const commandLine = frameCommand({ script, nonce, hasStdin: stdin !== undefined });
  let settle!: { resolve: (completion: Completion) => void; reject: (error: unknown) => void };
  const completed = new Promise<Completion>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // It may fail while the session is still being opened.
  completed.catch(() => undefined);
  const reader = new FrameReader(nonce, {
    ready: (encoder) => {
      const input = encodeInput(stdin ?? new Uint8Array(), encoder);
      opening.then(
        (opened) => opened.write(input),
        () => undefined,
      );
    },
    output: onStdout,
  });
  const opening = open(commandLine, (bytes, stream) => {
    // The framing keeps the command's standard error apart; this one is the session's own.
    if (stream === "stderr") return;
    try {
      reader.push(bytes);
      if (reader.completion) settle.resolve(reader.completion);
    } catch (error) {
      settle.reject(error);
    }
  });
  const session = await opening;
  const abort = () => settle.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    const completion = await Promise.race([completed, session.ended.then((end) => explainEnd(end, reader))]);
    session.write(RECEIPT);
    return completion;
  } catch (error) {
    session.interrupt();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    session.close();
  }
}

/** The session ended, and the last line of the script didn't come. */
function explainEnd(end: SessionEnd, reader: FrameReader): never {
  const answer = printable(end.output);
  if (reader.hasBegun || end.isIncomplete)
    throw new OutputTruncated(answer ? `the session ended with "${answer}"` : "the session ended before it");
  throw new CommandNotStarted(answer || printable(reader.preamble) || "the session ended without any output");
}
