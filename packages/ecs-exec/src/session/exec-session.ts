import { setTimeout as delay } from "node:timers/promises";
import { type DbwardError, describeError } from "@dbward-aws/core";
import {
  ChannelLost,
  DataChannel,
  type DataKey,
  type DataKeyRequest,
  EncryptionFailed,
  INTERRUPT,
} from "../channel/index.ts";
import type { TerminalSize } from "../protocol/index.ts";
import { Connection } from "./connection.ts";
import type { WebSocketConstructor } from "./web-socket.ts";

/** Times that a socket is asked for in a row, at the start and after a loss. */
const DIAL_ATTEMPTS = 6;
/**
 * Milliseconds until a message is acknowledged. The agent remembers a message only after it has sent it, and overlooks an acknowledgement that
 * comes before: it would send the message again, and keep the session open for that.
 */
const ACKNOWLEDGE_AFTER = 3;
/** Index of the attempt whose request isn't signed. */
const UNSIGNED_ATTEMPT = 1;
/** Milliseconds before the second attempt; doubled with each further one. */
const DIAL_PAUSE = 100;
/** Milliseconds for one attempt. */
const DIAL_TIMEOUT = 10_000;

/** Where a session is, and the credential that opens its socket once. */
export interface SessionAddress {
  /** Used as it is. */
  readonly streamUrl: string;
  /** A credential: never logged. */
  readonly tokenValue: string;
}

/** How a session that has lost its socket is taken up again, or ended. */
export interface SessionResumer {
  /**
   * @returns a new address of the session, or `undefined` when it has ended
   * @throws when it can't be told, or isn't allowed
   */
  resume(sessionId: string, signal: AbortSignal): Promise<SessionAddress | undefined>;
  /**
   * Ends a session that was given up. Left alone it would keep one of its container's two places until the idle timeout.
   *
   * @throws when it isn't allowed
   */
  terminate(sessionId: string, signal: AbortSignal): Promise<void>;
}

/** Takes output in order, each byte once. ECS Exec's sessions have everything on `stdout`. */
export type OutputListener = (bytes: Buffer, stream: "stdout" | "stderr") => void;

/** How an {@link ExecSession} is opened. */
export interface ExecSessionOptions extends SessionAddress {
  readonly sessionId: string;
  readonly webSocket: WebSocketConstructor;
  /** Signs the request that opens a socket at the address. @returns its headers */
  readonly sign: (streamUrl: string) => Promise<Record<string, string>>;
  /** Gives up connecting for the first time when it aborts. */
  readonly opening: AbortSignal;
  /** Gives up reconnecting when it aborts. It doesn't end the session. */
  readonly signal: AbortSignal;
  /** Gets the data key of an encrypted session. Left out: such sessions fail. */
  readonly dataKey?: ((request: DataKeyRequest, signal: AbortSignal) => Promise<DataKey>) | undefined;
  /** Left out: a lost socket is a lost session. */
  readonly resumer?: SessionResumer | undefined;
  readonly terminal?: TerminalSize | undefined;
  /** See `DataChannelOptions`. */
  readonly withoutHandshake?: boolean | undefined;
  readonly onOutput: OutputListener;
}

/** How a session came to its end. It says nothing of what the command did. */
export interface SessionEnd {
  /** Empty at a normal end, else the agent's error text. */
  readonly output: string;
  /** Whether output is known to be missing before it. */
  readonly isIncomplete: boolean;
  /** From sessions that tell it; ECS Exec's don't. */
  readonly exitCode: number | undefined;
}

/** A data channel with a socket under it, and a clock. */
export class ExecSession {
  /**
   * Resolves when the service has ended the session, or after {@link close}.
   * Rejects with ChannelLost, HandshakeFailed or EncryptionFailed.
   */
  readonly ended: Promise<SessionEnd>;
  readonly #options: ExecSessionOptions;
  readonly #channel: DataChannel;
  #settle!: { resolve: (end: SessionEnd) => void; reject: (error: DbwardError) => void };
  #connection: Connection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #exitCode: number | undefined;
  #isOver = false;
  /** Acknowledgements that are about to be sent. */
  #owed: Buffer[] = [];
  #owedTimer: NodeJS.Timeout | undefined;
  /** Nobody waits for the session's output any more: a lost socket is not replaced. */
  #isLeft = false;

  get sessionId(): string {
    return this.#options.sessionId;
  }

  private constructor(options: ExecSessionOptions) {
    this.#options = options;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Whoever cares awaits it; the error of a session that nobody waits for is no crash.
    this.ended.catch(() => undefined);
    this.#channel = new DataChannel({
      now: () => performance.now(),
      ...(options.terminal ? { terminal: options.terminal } : {}),
      ...(options.withoutHandshake ? { withoutHandshake: true } : {}),
      events: {
        transmit: (frame) => this.#connection?.send(frame),
        acknowledge: (frame) => this.#owe(frame),
        output: (bytes, stream) => {
          if (!this.#isLeft) options.onOutput(asBuffer(bytes), stream);
        },
        exitCode: (exitCode) => {
          this.#exitCode = exitCode;
        },
        dataKeyRequested: (request) => void this.#provideDataKey(request),
        closed: (output, isIncomplete) => this.#end({ output, isIncomplete, exitCode: this.#exitCode }),
        failed: (error) => this.#fail(error),
        ping: () => this.#connection?.ping() ?? false,
      },
    });
  }

  /**
   * Opens the session's socket, and tries again for some seconds when it is refused.
   *
   * @throws ChannelLost when it is refused to the end, or when the address would show the token to others: the command was started before, so its
   * outcome is unknown
   */
  static async open(options: ExecSessionOptions): Promise<ExecSession> {
    const unsafe = whyUnsafe(options.streamUrl);
    if (unsafe !== undefined) throw new ChannelLost(unsafe);
    const session = new ExecSession(options);
    const failure = await session.#dial(() => Promise.resolve(options), options.opening);
    if (failure === undefined) return session;
    session.close();
    throw new ChannelLost(`its socket can't be opened: ${failure}`);
  }

  /** Sends bytes to the terminal. They are copied, and wait until the session is ready for them. */
  write(bytes: Uint8Array): void {
    this.#channel.write(bytes);
    this.#schedule();
  }

  /** Gives the terminal another size. */
  resize(size: TerminalSize): void {
    this.#channel.resize(size);
    this.#schedule();
  }

  /**
   * Keeps the session until the service has ended it, without output and without a second socket: so that what was written before arrives, and
   * the agent, whose last messages are acknowledged, needn't wait. Then lets go of it.
   *
   * @param within milliseconds after which it is let go of in any case
   * @returns whether the service has ended it
   */
  async leave(within: number): Promise<boolean> {
    this.#isLeft = true;
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
   * Types ^C past everything that waits to be sent, and leaves the session as {@link leave} does.
   *
   * @returns whether the session has ended, with the command interrupted
   */
  async cancel(within: number): Promise<boolean> {
    if (!this.#isOver) {
      this.#channel.cancel();
      this.#schedule();
    }
    return this.leave(within);
  }

  /** Lets go of the session. The command is not stopped by it: {@link cancel} does that. */
  close(): void {
    if (!this.#isOver) this.#end({ output: "", isIncomplete: true, exitCode: this.#exitCode });
  }

  /** Types ^C. */
  interrupt(): void {
    this.write(INTERRUPT);
  }

  /** @returns why there is no connection, or `undefined` when there is one */
  async #dial(
    address: () => Promise<SessionAddress | undefined>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { webSocket, sign } = this.#options;
    let reason = "";
    for (let attempt = 0; attempt < DIAL_ATTEMPTS && !signal.aborted && !this.#isOver; attempt++) {
      if (attempt > 0) await pause(DIAL_PAUSE * 2 ** (attempt - 1), signal);
      try {
        const at = await address();
        if (at === undefined) return "the session has ended";
        const unsafe = whyUnsafe(at.streamUrl);
        if (unsafe !== undefined) return unsafe;
        const limit = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT)]);
        // AWS takes unsigned requests as well, and a signature may be refused for the clock or for a policy: one attempt goes without.
        const headers = attempt === UNSIGNED_ATTEMPT ? undefined : await sign(at.streamUrl);
        const connection = await Connection.open(
          webSocket,
          at.streamUrl,
          this.#connectionEvents(),
          limit,
          headers,
        );
        if (typeof connection !== "string") {
          if (this.#isOver) connection.close();
          else this.#connect(connection, at.tokenValue);
          return undefined;
        }
        reason = connection;
      } catch (error) {
        reason = describeError(error);
      }
    }
    return reason || "it was given up";
  }

  #connect(connection: Connection, tokenValue: string): void {
    this.#connection = connection;
    this.#channel.connected(tokenValue);
    this.#schedule();
  }

  #connectionEvents() {
    return {
      message: (data: Uint8Array | string) => {
        this.#channel.receive(data);
        this.#schedule();
      },
      alive: () => this.#channel.heard(),
      lost: (reason: string) => void this.#reconnect(reason),
    };
  }

  async #reconnect(reason: string): Promise<void> {
    if (this.#isOver) return;
    this.#connection = undefined;
    this.#channel.disconnected();
    this.#schedule();
    const { resumer, sessionId, signal } = this.#options;
    if (!resumer || this.#isLeft) {
      this.#fail(new ChannelLost(reason));
      return;
    }
    const failure = await this.#dial(() => resumer.resume(sessionId, signal), signal);
    if (failure !== undefined) this.#fail(new ChannelLost(`${reason}, and it can't be resumed: ${failure}`));
  }

  async #provideDataKey(request: DataKeyRequest): Promise<void> {
    const { dataKey, signal } = this.#options;
    if (!dataKey) {
      this.#fail(new EncryptionFailed("the cluster wants it, and no KMS client was given"));
      return;
    }
    try {
      this.#channel.encrypt(await dataKey(request, signal));
    } catch (error) {
      this.#channel.refuseEncryption(error);
    }
    this.#schedule();
  }

  /** One timer at a time; when the channel's next moment moves away, the old timer finds nothing to do. */
  #schedule(): void {
    const at = this.#isOver ? undefined : this.#channel.nextTick;
    if (at === undefined || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, at - performance.now()));
  }

  #tick(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#channel.tick();
    this.#schedule();
  }

  #end(end: SessionEnd): void {
    this.#release();
    this.#settle.resolve(end);
  }

  #fail(error: DbwardError): void {
    this.#release();
    this.#settle.reject(error);
  }

  #owe(acknowledgement: Buffer): void {
    this.#owed.push(acknowledgement);
    this.#owedTimer ??= setTimeout(() => this.#acknowledge(), ACKNOWLEDGE_AFTER);
  }

  #acknowledge(): void {
    clearTimeout(this.#owedTimer);
    this.#owedTimer = undefined;
    for (const acknowledgement of this.#owed.splice(0)) this.#connection?.send(acknowledgement);
  }

  #release(): void {
    this.#isOver = true;
    this.#acknowledge();
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = undefined;
  }
}

/**
 * The token must not travel readable for others.
 *
 * @returns why it would, if so
 */
function whyUnsafe(streamUrl: string): string | undefined {
  const url = URL.canParse(streamUrl) ? new URL(streamUrl) : undefined;
  const isLoopback = url !== undefined && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === "wss:" || (url?.protocol === "ws:" && isLoopback)) return undefined;
  return `its address is no secure WebSocket: ${url?.protocol ?? "no URL"}`;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
