import { Duplex } from "node:stream";

/** Passes a connection on, and writes what is sent in small pieces, each a TCP segment of its own. */
export class SplitSocket extends Duplex {
  readonly #socket: Duplex;
  readonly #bytes: number;

  /** @param bytes size of a piece */
  constructor(socket: Duplex, bytes: number) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#bytes = bytes;
    socket.on("data", (data: Buffer) => {
      if (!this.push(data)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
    socket.on("error", (error) => this.destroy(error));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const next = (at: number): void => {
      if (at >= chunk.length) done();
      else
        this.#socket.write(chunk.subarray(at, at + this.#bytes), () =>
          setImmediate(() => next(at + this.#bytes)),
        );
    };
    next(0);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
