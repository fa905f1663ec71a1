import { type DbwardError, describeError, sleep } from "@dbward-aws/core";
import {
  ChannelLost,
  type DataKey,
  type DataKeyRequest,
  EncryptionFailed,
  type LinkEvents,
  type MessageChannel,
} from "../channel/index.ts";
import { Connection } from "./connection.ts";
import type { WebSocketConstructor } from "./web-socket.ts";

/**
 * Milliseconds until a message is acknowledged. The agent records a message only after it has sent it, and
 * ignores an acknowledgement that comes earlier: it would send the message again, and keep the session open
 * for that.
 */
const ACKNOWLEDGE_AFTER = 3;
/** Index of the attempt whose request isn't signed. */
const UNSIGNED_ATTEMPT = 1;
/** Milliseconds before the second attempt; doubled with each further one, up to the longest. */
const DIAL_PAUSE = 100;
const LONGEST_DIAL_PAUSE = 10_000;
/** Milliseconds for one attempt. */
const DIAL_TIMEOUT = 10_000;
/** Connection attempts in a row. */
const DIAL_ATTEMPTS = 6;

/** Where a session is, and the credential that opens its socket once. */
export interface SessionAddress {
  /** Used as it is. */
  readonly streamUrl: string;
  /** A credential: never logged. */
  readonly tokenValue: string;
}

/** Resumes a session that has lost its connection, or terminates it. */
export interface SessionResumer {
  /**
   * @returns a new address of the session, or `undefined` when it has ended
   * @throws when the request fails or isn't allowed
   */
  resume(sessionId: string, signal: AbortSignal): Promise<SessionAddress | undefined>;
  /**
   * Terminates an abandoned session, which would otherwise occupy one of its container's two places until the
   * idle timeout.
   *
   * @throws when it isn't allowed
   */
  terminate(sessionId: string, signal: AbortSignal): Promise<void>;
}

/** How the connection of a session is opened, and opened again. */
export interface LinkOptions extends SessionAddress {
  readonly sessionId: string;
  readonly webSocket: WebSocketConstructor;
  /** Signs the request that opens a socket at the address. @returns its headers */
  readonly sign: (streamUrl: string) => Promise<Record<string, string>>;
  /** Aborts the first connection attempt. */
  readonly opening: AbortSignal;
  /** Aborts reconnecting. It doesn't end the session. */
  readonly signal: AbortSignal;
  /** Makes the data key of an encrypted session. @default - such sessions fail */
  readonly dataKey?: ((request: DataKeyRequest, signal: AbortSignal) => Promise<DataKey>) | undefined;
  /** @default - a session that loses its connection fails */
  readonly resumer?: SessionResumer | undefined;
  /**
   * Milliseconds within which a lost connection is replaced.
   * @default - six attempts, within about four seconds
   */
  readonly resumeWithin?: number | undefined;
}

/** Events of a {@link SessionLink}. */
export interface SessionEvents {
  /** See `LinkEvents`. */
  closed(output: string, isIncomplete: boolean): void;
  /** ChannelLost, HandshakeFailed or EncryptionFailed. No event follows. */
  failed(error: DbwardError): void;
  /** The connection was lost, and is being replaced. */
  lost?(reason: string): void;
  /** The connection was replaced. */
  resumed?(): void;
}

/** The socket and the timers of a channel: connects, reconnects and acknowledges. */
export class SessionLink {
  /** For the channel. */
  readonly events: LinkEvents;
  readonly #options: LinkOptions;
  readonly #handler: SessionEvents;
  #channel!: MessageChannel;
  #connection: Connection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isOver = false;
  #isReading = true;
  /** Acknowledgements to send. */
  #pending: Buffer[] = [];
  #pendingTimer: NodeJS.Timeout | undefined;
  /** A lost connection is no longer replaced. */
  #isLeft = false;

  constructor(options: LinkOptions, handler: SessionEvents) {
    this.#options = options;
    this.#handler = handler;
    this.events = {
      transmit: (frame) => this.#connection?.send(frame),
      acknowledge: (frame) => this.#acknowledgeSoon(frame),
      dataKeyRequested: (request) => void this.#provideDataKey(request),
      closed: (output, isIncomplete) => {
        this.release();
        handler.closed(output, isIncomplete);
      },
      failed: (error) => this.#fail(error),
      ping: () => this.#connection?.ping() ?? false,
      silent: (reason) => {
        this.#connection?.close();
        void this.#reconnect(reason);
      },
    };
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether there is a socket at present. */
  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /**
   * Opens the session's connection, and tries again for some seconds when it is refused.
   *
   * @param channel made with {@link events}
   * @throws ChannelLost when every attempt is refused, or when the address would expose the token
   */
  async open(channel: MessageChannel): Promise<void> {
    this.#channel = channel;
    const unsafe = whyUnsafe(this.#options.streamUrl);
    if (unsafe !== undefined) throw new ChannelLost(unsafe);
    const failure = await this.#dial(() => Promise.resolve(this.#options), this.#options.opening);
    if (failure === undefined) return;
    this.release();
    throw new ChannelLost(`its connection can't be opened: ${failure}`);
  }

  /**
   * Call it after each use of the channel. There is one timer; when the channel's next tick moves to a later
   * time, the timer finds nothing to do.
   */
  schedule(): void {
    const at = this.#isOver ? undefined : this.#channel.nextTick;
    if (at === undefined || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, at - performance.now()));
  }

  /** Pauses reading from the socket, or resumes it. The senders wait meanwhile. */
  read(isReading: boolean): void {
    this.#isReading = isReading;
    this.#channel.pauseReading(!isReading);
    this.#connection?.read(isReading);
    this.schedule();
  }

  /** From now on a lost connection is not replaced. */
  leave(): void {
    this.#isLeft = true;
  }

  /** Closes the socket and stops the timers. */
  release(): void {
    this.#isOver = true;
    this.#acknowledge();
    clearTimeout(this.#timer);
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** @returns why there is no connection, or `undefined` when there is one */
  async #dial(
    address: () => Promise<SessionAddress | undefined>,
    signal: AbortSignal,
    within?: number,
  ): Promise<string | undefined> {
    const { webSocket, sign } = this.#options;
    const until = within === undefined ? undefined : performance.now() + within;
    const isWorthwhile = (attempt: number) =>
      until === undefined ? attempt < DIAL_ATTEMPTS : attempt === 0 || performance.now() < until;
    let reason = "";
    for (let attempt = 0; isWorthwhile(attempt) && !signal.aborted && !this.#isOver; attempt++) {
      if (attempt > 0) await sleep(Math.min(LONGEST_DIAL_PAUSE, DIAL_PAUSE * 2 ** (attempt - 1)), signal);
      if (signal.aborted || this.#isOver) break;
      try {
        const at = await address();
        if (at === undefined) return "the session has ended";
        const unsafe = whyUnsafe(at.streamUrl);
        if (unsafe !== undefined) return unsafe;
        const limit = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT)]);
        // AWS accepts unsigned requests too, and may refuse a signature because of the clock or a policy: one
        // attempt is not signed.
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
    return reason || "the attempt was abandoned";
  }

  #connect(connection: Connection, tokenValue: string): void {
    this.#connection = connection;
    if (!this.#isReading) connection.read(false);
    this.#channel.connected(tokenValue);
    this.schedule();
  }

  #connectionEvents() {
    return {
      message: (data: Uint8Array | string) => {
        this.#channel.receive(data);
        this.schedule();
      },
      alive: () => this.#channel.heard(),
      lost: (reason: string) => void this.#reconnect(reason),
    };
  }

  async #reconnect(reason: string): Promise<void> {
    if (this.#isOver) return;
    this.#connection = undefined;
    this.#channel.disconnected();
    this.schedule();
    const { resumer, sessionId, signal, resumeWithin } = this.#options;
    if (!resumer || this.#isLeft) {
      this.#fail(new ChannelLost(reason));
      return;
    }
    this.#handler.lost?.(reason);
    const failure = await this.#dial(() => resumer.resume(sessionId, signal), signal, resumeWithin);
    if (failure !== undefined) this.#fail(new ChannelLost(`${reason}, and it can't be resumed: ${failure}`));
    else this.#handler.resumed?.();
  }

  async #provideDataKey(request: DataKeyRequest): Promise<void> {
    const { dataKey, signal } = this.#options;
    if (!dataKey) {
      this.#fail(new EncryptionFailed("the cluster requires it, and the client has no `kms` option"));
      return;
    }
    try {
      this.#channel.encrypt(await dataKey(request, signal));
    } catch (error) {
      this.#channel.refuseEncryption(error);
    }
    this.schedule();
  }

  #tick(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#channel.tick();
    this.schedule();
  }

  #fail(error: DbwardError): void {
    if (this.#isOver) return;
    this.release();
    this.#handler.failed(error);
  }

  #acknowledgeSoon(acknowledgement: Buffer): void {
    this.#pending.push(acknowledgement);
    this.#pendingTimer ??= setTimeout(() => this.#acknowledge(), ACKNOWLEDGE_AFTER);
  }

  #acknowledge(): void {
    clearTimeout(this.#pendingTimer);
    this.#pendingTimer = undefined;
    for (const acknowledgement of this.#pending.splice(0)) this.#connection?.send(acknowledgement);
  }
}

/**
 * The token must not be sent unencrypted.
 *
 * @returns why the address is not safe; `undefined` when it is
 */
function whyUnsafe(streamUrl: string): string | undefined {
  const url = URL.canParse(streamUrl) ? new URL(streamUrl) : undefined;
  const isLoopback = url !== undefined && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === "wss:" || (url?.protocol === "ws:" && isLoopback)) return undefined;
  return `its address is not a secure WebSocket: ${url?.protocol ?? "no URL"}`;
}
