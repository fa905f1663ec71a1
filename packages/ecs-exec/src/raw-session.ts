import type { ByteQueue } from "./byte-queue.ts";
import { ChannelLost } from "./channel/index.ts";
import { CommandNotStarted } from "./errors.ts";
import { printable } from "./printable.ts";
import type { TerminalSize } from "./protocol/index.ts";
import type { ExecSession, SessionEnd } from "./session/index.ts";

/** A terminal in a container. Iterate over it for its output. */
export class RawSession implements AsyncIterable<Uint8Array> {
  readonly #session: ExecSession;
  readonly #output: ByteQueue;

  constructor(session: ExecSession, output: ByteQueue) {
    this.#session = session;
    this.#output = output;
    session.ended.then(
      (end) => output.end(explainEnd(end)),
      (error: unknown) => output.end(error),
    );
  }

  get sessionId(): string {
    return this.#session.sessionId;
  }

  /**
   * Resolves when the service has ended the session, or after {@link close}. Rejects with what ends the iteration.
   */
  get ended(): Promise<SessionEnd> {
    return this.#session.ended;
  }

  /** Gives the terminal another size. */
  resize(size: TerminalSize): void {
    this.#session.resize(size);
  }

  /** Types bytes on the terminal. They are copied. */
  write(bytes: Uint8Array | string): void {
    this.#session.write(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
  }

  /** Types ^C. */
  interrupt(): void {
    this.#session.interrupt();
  }

  /** Lets go of the session; its command isn't stopped by that. Ends the iteration. */
  close(): void {
    this.#session.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#output;
  }
}

/** A session that ended with a text did not end by itself. */
function explainEnd({ output }: SessionEnd): Error | undefined {
  const answer = printable(output);
  if (answer === "") return undefined;
  // The agent's words, when it can't execute the command line.
  if (answer.includes("Unable to start command")) return new CommandNotStarted(answer);
  return new ChannelLost(`the session ended with "${answer}"`);
}
