import type { Duplex } from "node:stream";
import type { DbwardError, Logger } from "@dbward-aws/core";
import { agentAnswer } from "../agent-answer.ts";
import { ChannelLost, type LinkEvents, MessageChannel } from "../channel/index.ts";
import { printable } from "../printable.ts";
import {
  ACTION_SESSION_TYPE,
  decodeSessionFlag,
  encodeSessionFlag,
  type HandshakeRequest,
  PAYLOAD_TYPE,
  SESSION_FLAG,
  SMUX_HEADER_LENGTH,
} from "../protocol/index.ts";
import { type LinkOptions, SessionLink } from "../session/index.ts";
import { compareVersions } from "./compare-versions.ts";
import { PortConnectionFailed, PortSessionEnded } from "./errors.ts";
import { Multiplexer } from "./multiplexer.ts";
import type { MuxStream } from "./mux-stream.ts";

/** Messages and bytes on the way at the same time; writers wait beyond that. */
const WINDOW = { messages: 64, bytes: 1024 * 1024 };
/**
 * Milliseconds for a session to end after it was asked to. The agent waits for its own last messages that
 * long.
 */
const CLOSE_WITHIN = 2_000;
/** Milliseconds for the request that terminates a session. */
const TERMINATE_WITHIN = 5_000;
/** Milliseconds between two checks for stalled connections. */
const WATCH_EVERY = 1_000;
/** Milliseconds without an acknowledgement after which it is logged that the port doesn't read. */
const STALLED_AFTER = 10_000;
/** Milliseconds between two keep-alives, for agents that end a session which has none. */
const KEEP_ALIVE = 10_000;
/** The last agent without multiplexing, and the last one that needs keep-alives. */
const LAST_WITHOUT_MULTIPLEXING = "3.0.196.0";
const LAST_WITH_KEEP_ALIVE = "3.1.1511.0";
const SESSION_TYPE_PORT = "Port";

/** How a {@link PortSession} behaves, whatever it leads to. */
export interface PortBehaviour {
  /**
   * Bytes of a message at most. The agent takes larger ones, and they are faster; what the service takes is
   * not documented. @default 1024, what session-manager-plugin sends
   */
  readonly messageSize?: number;
  /**
   * Milliseconds without data after which a connection that was ended here fails. The protocol has no
   * half-close: the other side learns of it only then. @default 30000
   */
  readonly halfCloseTimeout?: number;
  /**
   * Milliseconds for which a connection whose data isn't read may keep the others waiting before it is reset.
   * @default 60000
   */
  readonly stuckTimeout?: number;
  /**
   * Milliseconds between messages that keep an idle session from being ended. It defeats a limit that the
   * account has set on purpose.
   * @default - none are sent
   */
  readonly keepAlive?: number;
  /** Milliseconds for which a lost connection to the service is replaced. @default 300000 */
  readonly resumeWithin?: number;
}

/** How a {@link PortSession} is opened. */
export interface PortSessionOptions extends LinkOptions, PortBehaviour {
  /** Name of the destination in errors, such as `localhost:3000 of the task`. */
  readonly destination: string;
  readonly logger?: Logger | undefined;
}

/** A session with a port: any number of connections through it, until it ends. */
export class PortSession {
  readonly sessionId: string;
  /**
   * Resolves after {@link close}. Rejects with PortSessionEnded, HandshakeFailed or EncryptionFailed when the
   * session ended by itself, and with the reason of the signal that ended it.
   */
  readonly ended: Promise<void>;
  readonly #options: PortSessionOptions;
  readonly #link: SessionLink;
  readonly #channel: MessageChannel;
  readonly #streams: Multiplexer;
  #settle!: { resolve: () => void; reject: (error: unknown) => void };
  #isOpen: (() => void) | undefined;
  #isClosing = false;
  /** Nothing more is sent or received. */
  #isOver = false;
  /** The service has ended the session. */
  #hasEnded = false;
  #channelEnded!: () => void;
  readonly #channelEnd = new Promise<void>((resolve) => {
    this.#channelEnded = resolve;
  });
  #watch: NodeJS.Timeout | undefined;
  #keepAlive: number;
  #keptAliveAt = 0;
  #isStallLogged = false;
  /** Streams that block the others: the bytes read of them, and since when that number has not changed. */
  readonly #stuck = new Map<MuxStream, { readonly taken: number; readonly since: number }>();

  private constructor(options: PortSessionOptions) {
    this.#options = options;
    this.sessionId = options.sessionId;
    this.#keepAlive = options.keepAlive ?? 0;
    this.ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // An unobserved error of a session must not crash the process.
    this.ended.catch(() => undefined);
    const { sessionId, destination, logger, resumeWithin = 300_000 } = options;
    this.#link = new SessionLink(
      { ...options, resumeWithin },
      {
        closed: (output, isIncomplete) => this.#closed(output, isIncomplete),
        failed: (error) => this.#failed(error),
        lost: (reason) => logger?.warn("port.connection-lost", { sessionId, destination, reason }),
        resumed: () => logger?.info("port.resumed", { sessionId, destination }),
      },
    );
    this.#channel = this.#makeChannel(this.#link.events);
    this.#streams = new Multiplexer({
      messageSize: Math.max(options.messageSize ?? 1024, 2 * SMUX_HEADER_LENGTH + 1),
      halfCloseTimeout: options.halfCloseTimeout ?? 30_000,
      destination,
      hasRoom: () => this.#channel.hasRoom,
      transmit: (payload) => {
        this.#channel.send(PAYLOAD_TYPE.output, payload);
        this.#link.schedule();
      },
      read: (isReading) => this.#link.read(isReading),
    });
  }

  /**
   * Opens a session, and waits until the agent takes connections.
   *
   * @throws PortSessionEnded, HandshakeFailed, EncryptionFailed; and the reason of `opening` when that aborts
   */
  static async open(options: PortSessionOptions): Promise<PortSession> {
    const session = new PortSession(options);
    try {
      await session.#open();
      return session;
    } catch (error) {
      session.#end(error);
      await session.#terminate();
      throw error;
    }
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#streams.size;
  }

  /**
   * A connection to the port. It can be written to at once; one that can't be made ends with
   * PortConnectionFailed.
   *
   * @throws PortSessionEnded when the session has ended
   */
  connect(): Duplex {
    if (this.#isOver || this.#isClosing)
      throw new PortSessionEnded(this.#options.destination, "it ended before the connection was made");
    return this.#streams.open();
  }

  /** Ends the session and its connections, on the agent's side too; waits some seconds for that at most. */
  async close(): Promise<void> {
    await this.#close();
    this.#settle.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<void> {
    const { opening, signal } = this.#options;
    opening.throwIfAborted();
    const opened = new Promise<void>((resolve, reject) => {
      this.#isOpen = resolve;
      this.ended.catch(reject);
      opening.addEventListener("abort", () => reject(opening.reason), { once: true });
    });
    // It may fail while the connection is being opened.
    opened.catch(() => undefined);
    await this.#link.open(this.#channel).catch((error: unknown) => {
      opening.throwIfAborted();
      throw this.#explain(error);
    });
    await opened;
    this.#isOpen = undefined;
    const abort = () => void this.#abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.ended.then(
      () => signal.removeEventListener("abort", abort),
      () => signal.removeEventListener("abort", abort),
    );
    if (signal.aborted) abort();
    this.#watch = setInterval(() => this.#look(), WATCH_EVERY).unref();
  }

  #makeChannel(events: LinkEvents): MessageChannel {
    return new MessageChannel({
      now: () => performance.now(),
      events,
      window: WINDOW,
      content: {
        handshake: "required",
        refuse: (request) => this.#refuse(request),
        // The agent looks up its host and opens its sockets only now. It acknowledges nothing before it has,
        // so that the acknowledgement of a frame that does nothing says that it takes connections.
        opened: () => this.#streams.keepAlive(),
        message: (payloadType, payload) => {
          if (payloadType === PAYLOAD_TYPE.output) this.#streams.receive(payload);
          else if (payloadType === PAYLOAD_TYPE.flag) this.#takeFlag(decodeSessionFlag(payload));
        },
        room: () => {
          if (this.#channel.phase === "open" && this.#channel.isIdle) this.#isOpen?.();
          this.#streams.flush();
        },
        probe: () => this.#streams.keepAlive(),
      },
    });
  }

  #refuse({ AgentVersion, RequestedClientActions }: HandshakeRequest): string | undefined {
    const action = RequestedClientActions.find(({ ActionType }) => ActionType === ACTION_SESSION_TYPE);
    const type = action?.ActionParameters.SessionType;
    if (type !== SESSION_TYPE_PORT) return `it is a session of type ${printable(String(type))} and not Port`;
    const properties = action?.ActionParameters.Properties as { readonly type?: unknown } | null;
    if (properties?.type !== "LocalPortForwarding")
      return "the session's document forwards no local port: several connections can't share it";
    if (compareVersions(AgentVersion, LAST_WITHOUT_MULTIPLEXING) <= 0)
      return `the agent's version is ${printable(AgentVersion)}, and only those after ${LAST_WITHOUT_MULTIPLEXING} take several connections`;
    if (compareVersions(AgentVersion, LAST_WITH_KEEP_ALIVE) <= 0)
      this.#keepAlive = Math.min(this.#keepAlive || KEEP_ALIVE, KEEP_ALIVE);
    return undefined;
  }

  #takeFlag(flag: number): void {
    if (flag !== SESSION_FLAG.connectToPortError) return;
    const { sessionId, destination, logger } = this.#options;
    logger?.warn("port.refused", { sessionId, destination });
    this.#streams.refused();
  }

  /** Checks what has stalled, and for how long. */
  #look(): void {
    const now = performance.now();
    if (this.#keepAlive > 0 && now - this.#keptAliveAt >= this.#keepAlive && this.#channel.isIdle) {
      this.#keptAliveAt = now;
      this.#streams.keepAlive();
    }
    const { sessionId, destination, logger } = this.#options;
    const isStalled = this.#channel.unansweredFor > STALLED_AFTER;
    if (isStalled && !this.#isStallLogged)
      logger?.warn("port.target-does-not-read", { sessionId, destination });
    this.#isStallLogged = isStalled;
    this.#resetStuck(now);
  }

  /** Resets streams whose readers block all others. */
  #resetStuck(now: number): void {
    const { stuckTimeout = 60_000, destination, sessionId, logger } = this.#options;
    const stuck = this.#streams.isStuck && this.#streams.size > 1 ? this.#streams.stuckStreams() : [];
    for (const stream of this.#stuck.keys()) if (!stuck.includes(stream)) this.#stuck.delete(stream);
    for (const stream of stuck) {
      const seen = this.#stuck.get(stream);
      if (seen?.taken !== stream.bytesTaken)
        this.#stuck.set(stream, { taken: stream.bytesTaken, since: now });
      else if (now - seen.since >= stuckTimeout) {
        this.#stuck.delete(stream);
        stream.destroy(new PortConnectionFailed("stuck", destination));
        logger?.warn("port.reader-stuck", { sessionId, destination });
      }
    }
  }

  #closed(output: string, isIncomplete: boolean): void {
    this.#hasEnded = true;
    this.#channelEnded();
    if (this.#isClosing) return;
    const answer = agentAnswer(output);
    const what = answer ? `the agent answered "${answer}"` : "the service or the task ended it";
    this.#end(
      new PortSessionEnded(
        this.#options.destination,
        isIncomplete ? `${what}, before all of its data had arrived` : what,
      ),
    );
  }

  #failed(error: DbwardError): void {
    this.#channelEnded();
    if (this.#isClosing) return;
    this.#end(this.#explain(error));
    // open() terminates a session that it could not open.
    if (!this.#isOpen) void this.#terminate();
  }

  #explain(error: unknown): unknown {
    if (!(error instanceof ChannelLost)) return error;
    return new PortSessionEnded(this.#options.destination, error.what, { cause: error });
  }

  async #abort(reason: unknown): Promise<void> {
    await this.#close();
    this.#settle.reject(reason);
  }

  async #close(): Promise<void> {
    if (this.#isOver) return;
    if (this.#isClosing) {
      await this.#channelEnd;
      return;
    }
    this.#isClosing = true;
    clearInterval(this.#watch);
    this.#streams.end();
    if (this.#link.isConnected) {
      this.#link.leave();
      this.#channel.send(PAYLOAD_TYPE.flag, encodeSessionFlag(SESSION_FLAG.terminateSession));
      this.#link.read(true);
      this.#link.schedule();
      await Promise.race([this.#channelEnd, later(CLOSE_WITHIN)]);
    }
    this.#link.release();
    this.#isOver = true;
    this.#channelEnded();
    await this.#terminate();
  }

  #end(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#watch);
    this.#link.release();
    this.#streams.end(error instanceof Error ? error : new Error(String(error)));
    this.#settle.reject(error);
  }

  /**
   * Terminates the session unless the service has ended it. A failure is only logged: the error that led here
   * matters more.
   */
  async #terminate(): Promise<void> {
    if (this.#hasEnded) return;
    const { resumer, sessionId, logger } = this.#options;
    await resumer?.terminate(sessionId, AbortSignal.timeout(TERMINATE_WITHIN)).catch((error: unknown) => {
      logger?.warn("port.not-terminated", { sessionId, error });
    });
  }
}

async function later(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
