import type { DbwardError } from "@dbward-aws/core";
import { DataChannel, INTERRUPT } from "../channel/index.ts";
import type { TerminalSize } from "../protocol/index.ts";
import { type LinkOptions, SessionLink } from "./session-link.ts";

/** Takes output in order, each byte once. ECS Exec's sessions have everything on `stdout`. */
export type OutputListener = (bytes: Buffer, stream: "stdout" | "stderr") => void;

/** How an {@link ExecSession} is opened. */
export interface ExecSessionOptions extends LinkOptions {
  readonly terminal?: TerminalSize | undefined;
  /** See `DataChannelOptions`. */
  readonly withoutHandshake?: boolean | undefined;
  readonly onOutput: OutputListener;
}

/** How a session ended. It doesn't tell whether the command succeeded. */
export interface SessionEnd {
  /** Empty at a normal end, else the agent's error text. */
  readonly output: string;
  /** Whether output is known to be missing before it. */
  readonly isIncomplete: boolean;
  /** Only for sessions that report it; those of ECS Exec don't. */
  readonly exitCode: number | undefined;
}

/** A data channel with a socket under it, and a clock. */
export class ExecSession {
  /**
   * Resolves when the service has ended the session, or after {@link close}.
   * Rejects with ChannelLost, HandshakeFailed or EncryptionFailed.
   */
  readonly ended: Promise<SessionEnd>;
  readonly sessionId: string;
  readonly #channel: DataChannel;
  readonly #link: SessionLink;
  #settle!: { resolve: (end: SessionEnd) => void; reject: (error: DbwardError) => void };
  #exitCode: number | undefined;
  /** Nobody waits for the session's output any more. */
  #isLeft = false;

  private constructor(options: ExecSessionOptions) {
    this.sessionId = options.sessionId;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // A session that nobody awaits must not end the process with its error.
    this.ended.catch(() => undefined);
    this.#link = new SessionLink(options, {
      closed: (output, isIncomplete) => this.#end(output, isIncomplete),
      failed: (error) => this.#settle.reject(error),
    });
    this.#channel = new DataChannel({
      now: () => performance.now(),
      ...(options.terminal ? { terminal: options.terminal } : {}),
      ...(options.withoutHandshake ? { withoutHandshake: true } : {}),
      events: {
        ...this.#link.events,
        output: (bytes, stream) => {
          if (!this.#isLeft) options.onOutput(asBuffer(bytes), stream);
        },
        exitCode: (exitCode) => {
          this.#exitCode = exitCode;
        },
      },
    });
  }

  /**
   * Opens the session's socket, and tries again for some seconds when it is refused.
   *
   * @throws ChannelLost when it is refused to the end, or when the address would show the token to others:
   * the command was started before, so its outcome is unknown
   */
  static async open(options: ExecSessionOptions): Promise<ExecSession> {
    const session = new ExecSession(options);
    await session.#link.open(session.#channel);
    return session;
  }

  /** Sends bytes to the terminal. They are copied, and wait until the session is ready for them. */
  write(bytes: Uint8Array): void {
    this.#channel.write(bytes);
    this.#link.schedule();
  }

  /** Sets the size of the terminal. */
  resize(size: TerminalSize): void {
    this.#channel.resize(size);
    this.#link.schedule();
  }

  /**
   * Waits until the service has ended the session, ignoring its output and without reconnecting, so that
   * earlier input arrives and the agent's last messages are acknowledged. Then closes it.
   *
   * @param within milliseconds after which it is closed in any case
   * @returns whether the service has ended it
   */
  async leave(within: number): Promise<boolean> {
    this.#isLeft = true;
    this.#link.leave();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, within, false);
    });
    const ended = this.ended.then(
      () => true,
      () => false,
    );
    const hasEnded = await Promise.race([ended, late]);
    clearTimeout(timer);
    this.close();
    return hasEnded;
  }

  /**
   * Discards the input that hasn't been sent yet, sends ^C, and leaves the session as {@link leave} does.
   *
   * @returns whether the session has ended, with the command interrupted
   */
  async cancel(within: number): Promise<boolean> {
    if (!this.#link.isOver) {
      this.#channel.cancel();
      this.#link.schedule();
    }
    return this.leave(within);
  }

  /** Closes the session without stopping the command; {@link cancel} stops it. */
  close(): void {
    if (this.#link.isOver) return;
    this.#link.release();
    this.#end("", true);
  }

  /** Sends ^C. */
  interrupt(): void {
    this.write(INTERRUPT);
  }

  #end(output: string, isIncomplete: boolean): void {
    this.#settle.resolve({ output, isIncomplete, exitCode: this.#exitCode });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
