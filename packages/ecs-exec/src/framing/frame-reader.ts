import { ENCODERS, type Encoder } from "./encode-input.ts";
import { InputTruncated, OutputTruncated, ToolsMissing } from "./errors.ts";
import { Base64Decoder, OdDecoder, type OutputDecoder } from "./output-decoder.ts";

/** `@`: begins each of our own lines, and appears in nothing that the tools write. */
const MARK = 0x40;
/** Bytes before the first of our lines that are searched at once; the terminal may show others before it. */
const MAX_PREAMBLE = 8192;
/** Bytes after the output: exit code, checksum and 64 KiB of standard error in hex. */
const MAX_TRAILER = 512 * 1024;

/** What a framed command left behind beside its output. */
export interface Completion {
  readonly exitCode: number;
  /** The last 64 KiB of standard error. */
  readonly stderr: Buffer;
}

/** How a {@link FrameReader} reports. */
export interface FrameReaderEvents {
  /** The container waits for standard input. */
  ready(encoder: Encoder): void;
  /** The container has standard input, and waits until its terminal's echo of it is through: type `SYNC`. */
  sync(): void;
  /** A piece of the command's output. It is not yet known to be whole. */
  output(bytes: Buffer): void;
}

/** Reads from the terminal what a framed command line writes, and proves that nothing of it is missing. */
export class FrameReader {
  readonly #mark: string;
  readonly #events: FrameReaderEvents;
  #phase: "preamble" | "output" | "trailer" | "done" = "preamble";
  /** Standard input was asked for: from here on the terminal may echo it. */
  #mayEchoInput = false;
  /** Bytes of the preamble that make no whole line yet. */
  #held: Buffer = Buffer.alloc(0);
  #trailer: Buffer[] = [];
  #trailerLength = 0;
  #decoder: OutputDecoder | undefined;
  #completion: Completion | undefined;

  constructor(nonce: string, events: FrameReaderEvents) {
    this.#mark = `@${nonce}:`;
    this.#events = events;
  }

  /** Set when everything has come. */
  get completion(): Completion | undefined {
    return this.#completion;
  }

  /**
   * Whether the command is known to have been started. It may have been when this is false: its first output
   * can get lost.
   */
  get hasBegun(): boolean {
    return this.#phase !== "preamble";
  }

  /**
   * What the terminal shows before our first line: an error of the shell perhaps. At most 8 KiB, and nothing
   * from the moment at which it could be standard input.
   */
  get preamble(): string {
    return this.#phase === "preamble" && !this.#mayEchoInput ? this.#held.toString("utf8").trim() : "";
  }

  /**
   * Takes the next bytes of the terminal.
   *
   * @throws OutputTruncated when they can't be what the command line wrote
   * @throws ToolsMissing, InputTruncated when the command line reports that it didn't run the script
   */
  push(bytes: Buffer): void {
    let rest: Buffer | undefined = bytes;
    while (rest && rest.length > 0) rest = this.#take(rest);
  }

  #take(bytes: Buffer): Buffer | undefined {
    switch (this.#phase) {
      case "preamble":
        return this.#takePreamble(bytes);
      case "output":
        return this.#takeOutput(bytes);
      case "trailer":
        return this.#takeTrailer(bytes);
      case "done":
        return undefined;
    }
  }

  #takePreamble(bytes: Buffer): Buffer | undefined {
    const held = Buffer.concat([this.#held, bytes]);
    const start = held.indexOf(this.#mark, 0, "latin1");
    const end = start === -1 ? -1 : held.indexOf("\n", start);
    if (end === -1) {
      this.#held = held.subarray(Math.max(0, held.length - MAX_PREAMBLE));
      return undefined;
    }
    this.#held = Buffer.alloc(0);
    const line = held.toString("latin1", start + this.#mark.length, end).trim();
    const [what, encoder] = line.split(":");
    if (what === "unsupported") throw new ToolsMissing();
    if (what === "damaged") throw new InputTruncated();
    const rest = held.subarray(end + 1);
    if (what === "sync") {
      this.#events.sync();
      return rest;
    }
    const known = ENCODERS.find((name) => name === encoder);
    if (known === undefined || (what !== "ready" && what !== "begin"))
      throw new OutputTruncated("the terminal shows a damaged line where the output should begin");
    if (what === "ready") {
      this.#mayEchoInput = true;
      this.#events.ready(known);
    } else {
      this.#decoder = known === "base64" ? new Base64Decoder() : new OdDecoder();
      this.#phase = "output";
    }
    return rest;
  }

  #takeOutput(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf(MARK);
    this.#emit(this.#decoder!.push(end === -1 ? bytes : bytes.subarray(0, end)));
    if (end === -1) return undefined;
    this.#phase = "trailer";
    return bytes.subarray(end);
  }

  #takeTrailer(bytes: Buffer): undefined {
    this.#trailer.push(bytes);
    this.#trailerLength += bytes.length;
    if (this.#trailerLength > MAX_TRAILER) throw new OutputTruncated("its end has no end");
    // Only a chunk with a line end can be the last one.
    if (!bytes.includes(0x0a)) return;
    const text = Buffer.concat(this.#trailer).toString("latin1").replaceAll("\r", "");
    if (!text.includes("\n")) return;
    const [first, ...lines] = text.split("\n");
    if (first !== `${this.#mark}end`) throw new OutputTruncated("something else wrote to the terminal");
    const done = lines.indexOf(`${this.#mark}done`);
    // The last of the lines isn't whole yet.
    if (done !== -1 && done < lines.length - 1) this.#finish(lines.slice(0, done));
  }

  #finish(lines: readonly string[]): void {
    const [status = "", ...others] = lines;
    if (!/^\d{1,3}$/.test(status)) throw new OutputTruncated("the exit code is missing");
    const isBase64 = this.#decoder instanceof Base64Decoder;
    this.#emit(this.#decoder!.finish(isBase64 ? others[0] : undefined));
    const stderr = isBase64
      ? Buffer.from(others.slice(1).join(""), "base64")
      : Buffer.from(others.join("").replaceAll(" ", ""), "hex");
    this.#completion = { exitCode: Number(status), stderr };
    this.#phase = "done";
    this.#trailer = [];
  }

  #emit(bytes: Buffer): void {
    if (bytes.length > 0) this.#events.output(bytes);
  }
}
