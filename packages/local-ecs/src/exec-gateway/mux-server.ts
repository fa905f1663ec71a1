import type { Socket } from "node:net";
import {
  encodeSmuxFrame,
  SMUX_COMMAND,
  SMUX_MAX_PAYLOAD,
  SMUX_RECEIVE_BUFFER,
  SmuxReader,
} from "@dbward-aws/ecs-exec/protocol";

/** Bytes of a connection that may wait to be sent before it is read no further. */
const STREAM_BUFFER = 64 * 1024;

/** Callbacks of a {@link MuxServer}. */
export interface MuxServerEvents {
  /** Connects to the port; called for one stream at a time. @throws when it can't be done */
  dial(): Promise<Socket>;
  /** A connection couldn't be made; its stream ends next. */
  refused(): void;
  /** There is something to {@link MuxServer.take}. */
  output(): void;
  /** The port doesn't take what came for it: nothing more may be received, or it may again. */
  blocked(isBlocked: boolean): void;
  /** The client did something that no client does which follows the protocol. */
  violated(what: string): void;
}

interface Stream {
  readonly id: number;
  /** What came for the port and isn't written yet. */
  readonly input: Uint8Array[];
  /** Frames that wait to be sent. */
  readonly output: Buffer[];
  outputBytes: number;
  socket: Socket | undefined;
  /** The client is done: the connection is closed when it has everything. */
  isFinished: boolean;
}

/**
 * The agent's end of a multiplexed port session: smux version 1 on one side, connections to the port on the
 * other.
 */
export class MuxServer {
  readonly #events: MuxServerEvents;
  readonly #streams = new Map<number, Stream>();
  /** Streams that have frames to send, in turn; closed ones included, for their last frames. */
  readonly #turns: Stream[] = [];
  readonly #toDial: Stream[] = [];
  readonly #reader: SmuxReader;
  #isDialing = false;
  #sending: Buffer = Buffer.alloc(0);
  #held = 0;
  #isBlocked = false;
  #lastId = 1;
  #isOver = false;

  constructor(events: MuxServerEvents) {
    this.#events = events;
    this.#reader = new SmuxReader({
      opened: (id) => this.#open(id),
      data: (id, bytes) => this.#deliver(id, bytes),
      finished: (id) => this.#finish(id),
    });
  }

  /** Connections that are open, or about to be. */
  get size(): number {
    return this.#streams.size;
  }

  /** @throws MalformedFrame */
  receive(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /** The next bytes to send, or `undefined`. Frames are cut anywhere. */
  take(length: number): Buffer | undefined {
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#sending.length === 0) this.#sending = this.#nextFrame();
      if (this.#sending.length === 0) break;
      const piece = this.#sending.subarray(0, missing);
      this.#sending = this.#sending.subarray(piece.length);
      missing -= piece.length;
      pieces.push(piece);
    }
    return pieces.length > 0 ? Buffer.concat(pieces) : undefined;
  }

  /** Sends a frame that does nothing. */
  keepAlive(): void {
    this.#sending = Buffer.concat([this.#sending, encodeSmuxFrame(SMUX_COMMAND.nop, 0)]);
    this.#events.output();
  }

  /** Closes all connections. */
  close(): void {
    this.#isOver = true;
    for (const { socket } of this.#streams.values()) socket?.destroy();
    this.#streams.clear();
    this.#turns.length = this.#toDial.length = 0;
  }

  #open(id: number): void {
    if (id !== this.#lastId + 2) this.#events.violated(`stream ${id} was opened after ${this.#lastId}`);
    this.#lastId = id;
    if (this.#streams.has(id)) return;
    const stream = { id, input: [], output: [], outputBytes: 0, socket: undefined, isFinished: false };
    this.#streams.set(id, stream);
    this.#toDial.push(stream);
    if (!this.#isDialing) void this.#dial();
  }

  /** One connection after the other, as the agent's loop makes them. */
  async #dial(): Promise<void> {
    this.#isDialing = true;
    for (let stream = this.#toDial.shift(); stream && !this.#isOver; stream = this.#toDial.shift()) {
      const socket = await this.#events.dial().catch(() => undefined);
      if (this.#isOver) socket?.destroy();
      else if (socket) this.#connect(stream, socket);
      else {
        this.#events.refused();
        this.#forget(stream);
      }
    }
    this.#isDialing = false;
  }

  #connect(stream: Stream, socket: Socket): void {
    stream.socket = socket;
    socket.setNoDelay();
    socket.on("data", (data: Buffer) => {
      for (let at = 0; at < data.length; at += SMUX_MAX_PAYLOAD)
        this.#queue(
          stream,
          encodeSmuxFrame(SMUX_COMMAND.psh, stream.id, data.subarray(at, at + SMUX_MAX_PAYLOAD)),
        );
      if (stream.outputBytes > STREAM_BUFFER) socket.pause();
    });
    socket.on("drain", () => this.#write(stream));
    socket.on("error", () => undefined);
    // There is no half-close: a stream whose writing side ends is closed altogether.
    socket.on("end", () => this.#forget(stream));
    socket.on("close", () => this.#forget(stream));
    this.#write(stream);
  }

  #deliver(id: number, bytes: Uint8Array): void {
    const stream = this.#streams.get(id);
    if (!stream) {
      if (id > this.#lastId || id % 2 === 0)
        this.#events.violated(`data came for stream ${id}, which never was`);
      return;
    }
    stream.input.push(bytes);
    this.#hold(bytes.length);
    this.#write(stream);
  }

  #finish(id: number): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    stream.isFinished = true;
    this.#write(stream);
  }

  #write(stream: Stream): void {
    const { socket, input } = stream;
    if (!socket) return;
    while (input.length > 0 && !socket.writableNeedDrain) {
      const bytes = input.shift()!;
      this.#hold(-bytes.length);
      socket.write(bytes);
    }
    if (input.length === 0 && stream.isFinished) this.#forget(stream);
  }

  /** Sends the stream's end behind its data, and closes the connection when that has what came for it. */
  #forget(stream: Stream): void {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    for (const bytes of stream.input.splice(0)) this.#hold(-bytes.length);
    stream.socket?.destroySoon();
    this.#queue(stream, encodeSmuxFrame(SMUX_COMMAND.fin, stream.id));
  }

  #queue(stream: Stream, frame: Buffer): void {
    if (this.#isOver) return;
    stream.output.push(frame);
    stream.outputBytes += frame.length;
    if (stream.output.length === 1) this.#turns.push(stream);
    this.#events.output();
  }

  #nextFrame(): Buffer {
    const stream = this.#turns.shift();
    const frame = stream?.output.shift();
    if (!stream || !frame) return Buffer.alloc(0);
    stream.outputBytes -= frame.length;
    if (stream.output.length > 0) this.#turns.push(stream);
    if (stream.outputBytes <= STREAM_BUFFER) stream.socket?.resume();
    return frame;
  }

  #hold(bytes: number): void {
    this.#held += bytes;
    const isBlocked = this.#held >= SMUX_RECEIVE_BUFFER;
    if (isBlocked === this.#isBlocked) return;
    this.#isBlocked = isBlocked;
    this.#events.blocked(isBlocked);
  }
}
