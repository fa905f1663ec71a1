import { randomBytes } from "node:crypto";
import { agentAnswer, explainRefusedCommand } from "./agent-answer.ts";
import {
  type Completion,
  encodeInput,
  FrameReader,
  frameCommand,
  InputTruncated,
  OutputTruncated,
  RECEIPT,
  SYNC,
  ToolsMissing,
} from "./framing/index.ts";
import { printable } from "./printable.ts";
import type { ExecSession, OutputListener, SessionEnd } from "./session/index.ts";

/** Milliseconds after which the session of a finished command is closed; nothing waits for it. */
const END_WITHIN = 5_000;
/** Milliseconds to wait for an interrupted command. The agent first reads its terminal after one second. */
const INTERRUPT_WITHIN = 2_000;

/** The signal aborted while the command ran, or was about to. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** Whether the interrupt has ended the session; otherwise the command may still run. */
  readonly hasEnded: boolean;

  constructor(hasEnded: boolean, cause: unknown) {
    super("The command was interrupted", { cause });
    this.hasEnded = hasEnded;
  }
}

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
 * It ends with the script's last line, and not with the session, which the receipt ends one round trip later.
 *
 * @throws Interrupted when `signal` aborts
 * @throws CommandNotStarted, InputTruncated, ToolsMissing when the script was certainly not run;
 * OutputTruncated; what `open` throws; the error of the session
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
    ready: (encoder) => type(encodeInput(stdin ?? new Uint8Array(), encoder)),
    sync: () => type(SYNC),
    output: onStdout,
  });
  const type = (input: Uint8Array) => {
    opening.then(
      (opened) => opened.write(input),
      () => undefined,
    );
  };
  const opening = open(commandLine, (bytes, stream) => {
    // The framing carries the command's standard error; this is the session's own.
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
    void session.leave(END_WITHIN);
    return completion;
  } catch (error) {
    if (error instanceof ToolsMissing || error instanceof InputTruncated) {
      // The command line ends by itself.
      void session.leave(END_WITHIN);
      throw error;
    }
    const hasEnded = await session.cancel(INTERRUPT_WITHIN);
    throw signal.aborted ? new Interrupted(hasEnded, error) : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The session ended, and the last line of the script didn't come. */
function explainEnd(end: SessionEnd, reader: FrameReader): never {
  const answer = agentAnswer(end.output);
  const refused = reader.hasBegun ? undefined : explainRefusedCommand(answer);
  if (refused) throw refused;
  const shown = printable(reader.preamble);
  const details = [answer && `with "${answer}"`, shown && `after the terminal had shown "${shown}"`];
  throw new OutputTruncated(["the session ended before it", ...details.filter(Boolean)].join(", "));
}
