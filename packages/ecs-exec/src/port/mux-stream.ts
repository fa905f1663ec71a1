import { Duplex } from "node:stream";
import { SMUX_COMMAND, SMUX_HEADER_LENGTH, SMUX_MAX_PAYLOAD, writeSmuxHeader } from "../protocol/index.ts";
import { PortConnectionFailed } from "./errors.ts";

/** Largest chunk pushed to a reader, in bytes. */
const READ_AT_ONCE = 64 * 1024;

/** What a {@link MuxStream} needs of its session. */
export interface MuxHost {
  /** As it is named in errors. */
  readonly destination: string;
  /** Milliseconds without data after which a stream that has written its last byte fails. */
  readonly halfCloseTimeout: number;
  /** The stream has something to send. */
  wake(stream: MuxStream): void;
  /** Bytes of the stream arrived, or were read (negative). */
  held(stream: MuxStream, bytes: number): void;
  /** The stream has written its last byte, and waits for the other side's. */
  halfClosed(stream: MuxStream): void;
  /** The stream is closed in both directions. */
  closed(stream: MuxStream): void;
}

/**
 * One connection to the port, as a stream.
 *
 * The protocol has no half-close: a side that has closed a stream ignores what the other one sends. So
 * `end()` sends nothing until the other side has ended as well, and `destroy()` closes at once. When nothing
 * arrives for `halfCloseTimeout` after `end()`, the stream fails.
 *
 * It has the methods of a socket that `http.Agent` calls.
 */
export class MuxStream extends Duplex {
  readonly id: number;
  readonly #host: MuxHost;
  #isOpened = false;
  #wantsFin = false;
  #isFinished = false;
  /** The chunk that is being sent, and the offset of its next byte. */
  #output: Buffer | undefined;
  #outputAt = 0;
  #written: (() => void) | undefined;
  #input: Uint8Array[] = [];
  #inputBytes = 0;
  #wantsInput = false;
  #isPumping = false;
  #hasRemoteEnded = false;
  #hasPushedEnd = false;
  #failure: Error | undefined;
  #halfClose: NodeJS.Timeout | undefined;
  #idle: { readonly timer: NodeJS.Timeout; readonly milliseconds: number } | undefined;
  /** Bytes received so far. */
  bytesRead = 0;
  /** Bytes read so far. */
  bytesTaken = 0;

  constructor(id: number, host: MuxHost) {
    super({ allowHalfOpen: false, readableHighWaterMark: READ_AT_ONCE, writableHighWaterMark: READ_AT_ONCE });
    this.id = id;
    this.#host = host;
  }

  /** Bytes received and not read yet. */
  get waitingBytes(): number {
    return this.#inputBytes;
  }

  /** Whether {@link fill} has something to write. */
  get hasOutput(): boolean {
    if (this.#isFinished) return false;
    return !this.#isOpened || this.#output !== undefined || this.#wantsFin;
  }

  /**
   * Writes the next frames, whole ones, as far as they fit.
   *
   * @returns the offset behind them
   */
  fill(into: Buffer, from: number): number {
    let at = from;
    if (!this.#isOpened && into.length - at >= SMUX_HEADER_LENGTH) {
      this.#isOpened = true;
      at = writeSmuxHeader(into, at, SMUX_COMMAND.syn, this.id);
    }
    const space = into.length - at - SMUX_HEADER_LENGTH;
    if (this.#output !== undefined && space > 0) {
      const length = Math.min(space, SMUX_MAX_PAYLOAD, this.#output.length - this.#outputAt);
      at = writeSmuxHeader(into, at, SMUX_COMMAND.psh, this.id, length);
      at += this.#output.copy(into, at, this.#outputAt, this.#outputAt + length);
      this.#outputAt += length;
      if (this.#outputAt === this.#output.length) this.#endWrite();
    } else if (this.#output === undefined && this.#wantsFin && space >= 0) {
      at = writeSmuxHeader(into, at, SMUX_COMMAND.fin, this.id);
      this.#isFinished = true;
      this.#host.closed(this);
    }
    return at;
  }

  /** Data arrived. */
  deliver(bytes: Uint8Array): void {
    if (this.destroyed || this.#hasRemoteEnded) return;
    this.bytesRead += bytes.length;
    this.#input.push(bytes);
    this.#hold(bytes.length);
    this.#touch();
    if (this.#wantsInput) this.#pumpSoon();
  }

  /** The other side has closed the stream. */
  finish(): void {
    if (this.#hasRemoteEnded) return;
    this.#hasRemoteEnded = true;
    // The other side would ignore it, as with a write to a closed socket.
    this.#output = undefined;
    this.#endWrite();
    if (this.writableFinished) this.#sendFin();
    this.#pumpSoon();
  }

  /** Ends with an error once everything received has been read. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#hasRemoteEnded = true;
    this.#isFinished = true;
    this.#output = undefined;
    this.#failWhenRead();
    this.#endWrite();
  }

  /** Ends a stream that has written its last byte and receives nothing. */
  giveUp(): void {
    this.destroy(new PortConnectionFailed("silent", this.#host.destination));
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (this.#failure) this.#failWhenRead();
    return chunk;
  }

  override _read(): void {
    this.#wantsInput = true;
    this.#pump();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#touch();
    if (this.#hasRemoteEnded || chunk.length === 0) {
      done();
      return;
    }
    this.#output = chunk;
    this.#outputAt = 0;
    this.#written = done;
    this.#host.wake(this);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#hasRemoteEnded) this.#sendFin();
    else {
      this.#halfClose = setTimeout(() => this.giveUp(), this.#host.halfCloseTimeout).unref();
      this.#host.halfClosed(this);
    }
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#halfClose);
    clearTimeout(this.#idle?.timer);
    this.#halfClose = this.#idle = undefined;
    this.#output = undefined;
    this.#written = undefined;
    this.#input = [];
    this.#hold(-this.#inputBytes);
    if (this.#isOpened && !this.#isFinished) this.#sendFin();
    else {
      this.#isFinished = true;
      this.#host.closed(this);
    }
    done(error);
  }

  /** As `net.Socket` has it: emits `timeout` after so many milliseconds without data; 0 turns it off. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    clearTimeout(this.#idle?.timer);
    const emitTimeout = () => this.emit("timeout");
    this.#idle =
      milliseconds > 0 ? { timer: setTimeout(emitTimeout, milliseconds).unref(), milliseconds } : undefined;
    if (listener) {
      if (milliseconds > 0) this.once("timeout", listener);
      else this.removeListener("timeout", listener);
    }
    return this;
  }

  /** Does nothing: every write is sent at once. */
  setNoDelay(): this {
    return this;
  }

  /** Does nothing: the session checks its own connection. */
  setKeepAlive(): this {
    return this;
  }

  /** Does nothing: the session keeps the process alive, and not its streams. */
  ref(): this {
    return this;
  }

  /** Does nothing, see {@link ref}. */
  unref(): this {
    return this;
  }

  #endWrite(): void {
    const written = this.#written;
    this.#output = undefined;
    this.#written = undefined;
    written?.();
  }

  #sendFin(): void {
    clearTimeout(this.#halfClose);
    this.#halfClose = undefined;
    if (this.#isFinished) return;
    this.#wantsFin = true;
    this.#host.wake(this);
  }

  #hold(bytes: number): void {
    this.#inputBytes += bytes;
    this.#host.held(this, bytes);
  }

  /** Data that arrives in one turn of the event loop is pushed together: messages are small. */
  #pumpSoon(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    queueMicrotask(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.destroyed) return;
    while (this.#wantsInput && this.#inputBytes > 0) {
      const chunk = this.#take();
      this.bytesTaken += chunk.length;
      this.#wantsInput = this.push(chunk);
      this.#hold(-chunk.length);
    }
    if (this.#inputBytes > 0) return;
    if (this.#failure) this.#failWhenRead();
    else if (this.#hasRemoteEnded && !this.#hasPushedEnd) {
      this.#hasPushedEnd = true;
      this.push(null);
    }
  }

  /** The next bytes of the input, in one piece. */
  #take(): Buffer {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (const chunk of this.#input) {
      if (length > 0 && length + chunk.length > READ_AT_ONCE) break;
      chunks.push(chunk);
      length += chunk.length;
    }
    this.#input.splice(0, chunks.length);
    const [only] = chunks;
    if (chunks.length === 1) return Buffer.from(only!.buffer, only!.byteOffset, only!.length);
    return Buffer.concat(chunks, length);
  }

  #failWhenRead(): void {
    if (this.#inputBytes > 0 || this.readableLength > 0 || this.destroyed) return;
    // Not while the reader receives its last bytes.
    queueMicrotask(() => this.destroy(this.#failure));
  }

  #touch(): void {
    this.#halfClose?.refresh();
    this.#idle?.timer.refresh();
  }
}
