import { encodeSmuxFrame, SMUX_COMMAND, SMUX_HEADER_LENGTH, SmuxReader } from "../protocol/index.ts";
import { PortConnectionFailed } from "./errors.ts";
import { MuxStream } from "./mux-stream.ts";

/** Ids of a client's streams: odd ones, and never 1. */
const FIRST_STREAM_ID = 3;
const STREAM_ID_STEP = 2;
const LAST_STREAM_ID = 0xffff_ffff;

/** Received bytes that wait for readers, at most. */
const STREAM_LIMIT = 2 * 1024 * 1024;
const SESSION_LIMIT = 4 * 1024 * 1024;

/**
 * Streams that have written their last byte and wait for the other side's. A local program that has closed
 * its connection looks the same as one that has only stopped writing, so short connections would accumulate:
 * beyond this number the oldest one fails.
 */
const MOST_HALF_CLOSED = 128;

/** How a {@link Multiplexer} is made. */
export interface MultiplexerOptions {
  /** Bytes of a message at most. */
  readonly messageSize: number;
  /** See `MuxHost`. */
  readonly halfCloseTimeout: number;
  /** Name of the port in errors. */
  readonly destination: string;
  /** Whether a message can be sent. */
  readonly hasRoom: () => boolean;
  /** Sends a message. */
  readonly transmit: (payload: Buffer) => void;
  /** Pauses reading from the session, or resumes it, because a reader is too far behind. */
  readonly read: (isReading: boolean) => void;
}

/**
 * Many streams over one: smux version 1, the client's side, as session-manager-plugin and the agent have it.
 *
 * A message holds whole frames only, and streams take turns frame by frame: a small one doesn't wait for a
 * large one. In the other direction there is no window: when one reader is too far behind, nothing is read
 * for any of them.
 */
export class Multiplexer {
  readonly #options: MultiplexerOptions;
  readonly #streams = new Map<number, MuxStream>();
  /** Streams with something to send, in turn. */
  readonly #ready = new Set<MuxStream>();
  /** Oldest first. */
  readonly #halfClosed = new Set<MuxStream>();
  readonly #reader: SmuxReader;
  #nextId = FIRST_STREAM_ID;
  #isFlushing = false;
  #heldBytes = 0;
  #isReading = true;
  /** Connections that the agent reported as failed. It doesn't name them; their streams end next. */
  #refusals = 0;

  constructor(options: MultiplexerOptions) {
    this.#options = options;
    this.#reader = new SmuxReader({
      // The agent opens no streams; frames of unknown streams are ignored.
      opened: () => undefined,
      data: (streamId, bytes) => this.#streams.get(streamId)?.deliver(bytes),
      finished: (streamId) => this.#finished(streamId),
    });
  }

  /** Streams that are open. */
  get size(): number {
    return this.#streams.size;
  }

  /** Whether nothing is read because of a reader that is too far behind. */
  get isStuck(): boolean {
    return !this.#isReading;
  }

  /** Opens a stream, without a round trip: what is written is sent right after the frame that opens it. */
  open(): MuxStream {
    if (this.#nextId > LAST_STREAM_ID) throw new RangeError("A port session has no more stream ids");
    const stream = new MuxStream(this.#nextId, {
      destination: this.#options.destination,
      halfCloseTimeout: this.#options.halfCloseTimeout,
      wake: (woken) => this.#wake(woken),
      halfClosed: (waiting) => {
        this.#halfClosed.add(waiting);
        if (this.#halfClosed.size <= MOST_HALF_CLOSED) return;
        const oldest: MuxStream = this.#halfClosed.values().next().value!;
        this.#halfClosed.delete(oldest);
        oldest.giveUp();
      },
      held: (holder, bytes) => this.#hold(holder, bytes),
      closed: (closed) => {
        this.#ready.delete(closed);
        this.#halfClosed.delete(closed);
        this.#streams.delete(closed.id);
      },
    });
    this.#nextId += STREAM_ID_STEP;
    this.#streams.set(stream.id, stream);
    this.#wake(stream);
    return stream;
  }

  /** @throws MalformedFrame when the agent doesn't speak smux version 1 */
  receive(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /** The agent couldn't connect to the port. */
  refused(): void {
    this.#refusals++;
  }

  /** Sends the waiting output, as far as there is room. */
  flush(): void {
    const { hasRoom, transmit, messageSize } = this.#options;
    while (this.#ready.size > 0 && hasRoom()) {
      const message = Buffer.allocUnsafe(messageSize);
      let at = 0;
      while (this.#ready.size > 0 && messageSize - at > SMUX_HEADER_LENGTH) {
        const stream: MuxStream = this.#ready.values().next().value!;
        this.#ready.delete(stream);
        at = stream.fill(message, at);
        if (stream.hasOutput) this.#ready.add(stream);
      }
      if (at > 0) transmit(message.subarray(0, at));
    }
  }

  /** Sends a frame that does nothing, ahead of the waiting output. */
  keepAlive(): void {
    this.#options.transmit(encodeSmuxFrame(SMUX_COMMAND.nop, 0));
  }

  /** The streams whose readers are furthest behind and block the others. */
  stuckStreams(): MuxStream[] {
    const waiting = [...this.#streams.values()].filter(({ waitingBytes }) => waitingBytes > 0);
    const most = Math.max(0, ...waiting.map(({ waitingBytes }) => waitingBytes));
    return waiting.filter(({ waitingBytes }) => waitingBytes * 2 >= most);
  }

  /**
   * Ends all streams.
   *
   * @param error ends them once everything received has been read. @default - they end at once
   */
  end(error?: Error): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#ready.clear();
    for (const stream of streams) {
      if (error) stream.fail(error);
      else stream.destroy();
    }
  }

  #finished(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    if (this.#refusals > 0 && stream.bytesRead === 0) {
      this.#refusals--;
      stream.destroy(new PortConnectionFailed("refused", this.#options.destination));
    } else stream.finish();
  }

  #wake(stream: MuxStream): void {
    if (!this.#streams.has(stream.id)) return;
    this.#ready.add(stream);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // Writes of one turn of the event loop are sent together.
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.flush();
    });
  }

  #hold(stream: MuxStream, bytes: number): void {
    this.#heldBytes += bytes;
    if (bytes < 0) {
      if (!this.#isReading && this.#hasCaughtUp()) this.#read(true);
    } else if (this.#isReading && (this.#heldBytes > SESSION_LIMIT || stream.waitingBytes > STREAM_LIMIT))
      this.#read(false);
  }

  #hasCaughtUp(): boolean {
    return (
      this.#heldBytes <= SESSION_LIMIT / 2 &&
      [...this.#streams.values()].every(({ waitingBytes }) => waitingBytes <= STREAM_LIMIT / 2)
    );
  }

  #read(isReading: boolean): void {
    this.#isReading = isReading;
    this.#options.read(isReading);
  }
}
