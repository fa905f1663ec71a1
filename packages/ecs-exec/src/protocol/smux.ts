import { MalformedFrame } from "./errors.ts";

/** Bytes of a frame's header: version, command, length (2) and stream id (4), numbers little-endian. */
export const SMUX_HEADER_LENGTH = 8;
/**
 * Largest payload that a sender puts into one frame, in bytes: `MaxFrameSize` of github.com/xtaci/smux, which
 * agent and plugin use with its defaults.
 */
export const SMUX_MAX_PAYLOAD = 32_768;
/**
 * Bytes that the agent's end holds for all streams of a session together, before it reads no further:
 * `MaxReceiveBuffer`.
 */
export const SMUX_RECEIVE_BUFFER = 4 * 1024 * 1024;

const VERSION = 1;

/** Commands of smux version 1. There is no answer to any of them, and no reset. */
export const SMUX_COMMAND = {
  /** Opens a stream; data may follow at once. */
  syn: 0,
  /** The sender has closed the stream, and ignores what comes for it. */
  fin: 1,
  /** Data, 1 to 65535 bytes. */
  psh: 2,
  /** Keep-alive, on stream 0. */
  nop: 3,
  /** Window update of version 2; read and ignored in version 1. */
  upd: 4,
} as const;
type SmuxCommand = (typeof SMUX_COMMAND)[keyof typeof SMUX_COMMAND];

/**
 * Writes a frame's header.
 *
 * @returns the offset behind it
 */
export function writeSmuxHeader(
  into: Buffer,
  at: number,
  command: SmuxCommand,
  streamId: number,
  length = 0,
): number {
  into[at] = VERSION;
  into[at + 1] = command;
  into.writeUInt16LE(length, at + 2);
  into.writeUInt32LE(streamId, at + 4);
  return at + SMUX_HEADER_LENGTH;
}

/** One frame as bytes. */
export function encodeSmuxFrame(command: SmuxCommand, streamId: number, payload?: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(SMUX_HEADER_LENGTH + (payload?.length ?? 0));
  const at = writeSmuxHeader(frame, 0, command, streamId, payload?.length ?? 0);
  if (payload) frame.set(payload, at);
  return frame;
}

/** What a {@link SmuxReader} finds. Keep-alives and window updates are passed over. */
export interface SmuxFrames {
  opened(streamId: number): void;
  /**
   * Data of a stream in order; a frame's may come in several pieces. They share their memory with what was
   * read.
   */
  data(streamId: number, bytes: Uint8Array): void;
  finished(streamId: number): void;
}

/** Reads frames out of a byte stream that is cut anywhere. */
export class SmuxReader {
  readonly #frames: SmuxFrames;
  readonly #header = Buffer.alloc(SMUX_HEADER_LENGTH);
  #headerBytes = 0;
  /** Bytes of the current frame's payload that are still to come. */
  #missing = 0;
  #streamId = 0;
  #isData = false;

  constructor(frames: SmuxFrames) {
    this.#frames = frames;
  }

  /** @throws MalformedFrame when the bytes aren't smux version 1; nothing can be read after that */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#missing > 0) {
        const piece = bytes.subarray(at, at + this.#missing);
        this.#missing -= piece.length;
        at += piece.length;
        if (this.#isData) this.#frames.data(this.#streamId, piece);
      } else {
        const part = bytes.subarray(at, at + SMUX_HEADER_LENGTH - this.#headerBytes);
        this.#header.set(part, this.#headerBytes);
        this.#headerBytes += part.length;
        at += part.length;
        if (this.#headerBytes === SMUX_HEADER_LENGTH) this.#readHeader();
      }
    }
  }

  #readHeader(): void {
    this.#headerBytes = 0;
    const [version, command] = this.#header;
    if (version !== VERSION) throw new MalformedFrame(`its smux version is ${version}`);
    const length = this.#header.readUInt16LE(2);
    this.#streamId = this.#header.readUInt32LE(4);
    this.#isData = command === SMUX_COMMAND.psh;
    switch (command) {
      case SMUX_COMMAND.psh:
      case SMUX_COMMAND.upd:
        this.#missing = length;
        return;
      case SMUX_COMMAND.syn:
      case SMUX_COMMAND.fin:
      case SMUX_COMMAND.nop:
        break;
      default:
        throw new MalformedFrame(`its smux command is ${command}`);
    }
    if (length > 0) throw new MalformedFrame(`a smux frame of command ${command} has ${length} bytes`);
    if (command === SMUX_COMMAND.syn) this.#frames.opened(this.#streamId);
    else if (command === SMUX_COMMAND.fin) this.#frames.finished(this.#streamId);
  }
}
