import { agentAnswer, explainRefusedCommand } from "./agent-answer.ts";
import type { ByteQueue } from "./byte-queue.ts";
import { ChannelLost } from "./channel/index.ts";
import { OutputTruncated } from "./framing/index.ts";
import type { TerminalSize } from "./protocol/index.ts";
import type { ExecSession, SessionEnd } from "./session/index.ts";

/** Milliseconds for which a cancelled session stays open so that ^C arrives. */
const CANCEL_WITHIN = 2_000;

/** A terminal in a container. Iterate over it for its output. */
export class RawSession implements AsyncIterable<Uint8Array> {
  readonly #session: ExecSession;
  readonly #output: ByteQueue;
  #isClosed = false;

  constructor(session: ExecSession, output: ByteQueue) {
    this.#session = session;
    this.#output = output;
    session.ended.then(
      (end) => output.end(this.#isClosed ? undefined : explainEnd(end)),
      (error: unknown) => output.end(error),
    );
  }

  get sessionId(): string {
    return this.#session.sessionId;
  }

  /**
   * Resolves when the service has ended the session, or after {@link close}. Rejects with the error that the
   * iteration throws.
   */
  get ended(): Promise<SessionEnd> {
    return this.#session.ended;
  }

  /** Sets the size of the terminal. */
  resize(size: TerminalSize): void {
    this.#session.resize(size);
  }

  /** Sends bytes to the terminal. They are copied. */
  write(bytes: Uint8Array | string): void {
    this.#session.write(typeof bytes === "string" ? Buffer.from(bytes) : bytes);
  }

  /** Sends ^C. */
  interrupt(): void {
    this.#session.interrupt();
  }

  /**
   * Discards the input that hasn't been sent yet, sends ^C, and closes the session when that has arrived.
   * Ends the iteration.
   */
  cancel(): void {
    this.#isClosed = true;
    this.#output.end();
    void this.#session.cancel(CANCEL_WITHIN);
  }

  /** Closes the session without stopping its command. Ends the iteration. */
  close(): void {
    this.#isClosed = true;
    this.#session.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#output;
  }
}

/**
 * A session that ended with a text of the agent, or before all of its output had arrived, did not end
 * normally.
 */
function explainEnd({ output, isIncomplete }: SessionEnd): Error | undefined {
  const answer = agentAnswer(output);
  const refused = explainRefusedCommand(answer);
  if (refused) return refused;
  const text = answer && ` with "${answer}"`;
  if (isIncomplete) return new OutputTruncated(`the session ended${text} before some of it`);
  return answer ? new ChannelLost(`the session ended${text}`) : undefined;
}
