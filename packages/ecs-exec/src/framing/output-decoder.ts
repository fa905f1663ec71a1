import { OutputTruncated } from "./errors.ts";
import { PosixCksum } from "./posix-cksum.ts";

/** Undoes what a tool of the container did to the command's output so that it survives the terminal. */
export interface OutputDecoder {
  /** @returns the bytes of the command's output that are whole by now */
  push(encoded: Buffer): Buffer;
  /**
   * @param summary what the container's tools say about the whole output, if they do so apart from it
   * @returns the last bytes
   * @throws OutputTruncated when what came isn't what the command wrote
   */
  finish(summary: string | undefined): Buffer;
}

/**
 * Lines of base64, checked by the length and checksum that `cksum` wrote of the bytes before they were
 * encoded.
 */
export class Base64Decoder implements OutputDecoder {
  readonly #cksum = new PosixCksum();
  #rest = "";

  push(encoded: Buffer): Buffer {
    const text = this.#rest + encoded.toString("latin1").replace(/[\r\n]+/g, "");
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    return this.#decode(text.slice(0, whole));
  }

  finish(summary: string | undefined): Buffer {
    const last = this.#decode(this.#rest);
    const [checksum, length] = (summary ?? "").trim().split(/\s+/).map(Number);
    if (checksum !== this.#cksum.value || length !== this.#cksum.length)
      throw new OutputTruncated(
        `${this.#cksum.length} bytes came where the command wrote ${length}, or others than it wrote`,
      );
    return last;
  }

  #decode(text: string): Buffer {
    const bytes = Buffer.from(text, "base64");
    this.#cksum.update(bytes);
    return bytes;
  }
}

/**
 * A dump of `od -Ad -v -tx1`: each line begins with the offset of its first byte, the last one is the length.
 */
export class OdDecoder implements OutputDecoder {
  #rest = "";
  #length = 0;
  #total: number | undefined;

  push(encoded: Buffer): Buffer {
    const lines = (this.#rest + encoded.toString("latin1").replaceAll("\r", "")).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > OdDecoder.#LONGEST_LINE) throw new OutputTruncated("a line of od is too long");
    return Buffer.concat(lines.filter((line) => line !== "").map((line) => this.#decodeLine(line)));
  }

  finish(): Buffer {
    const last = this.push(Buffer.from("\n"));
    if (this.#total !== this.#length)
      throw new OutputTruncated(`${this.#length} bytes came where the command wrote ${this.#total}`);
    return last;
  }

  #decodeLine(line: string): Buffer {
    const match = /^(\d+)((?: +[0-9a-f]{2})*) *$/.exec(line);
    if (!match || Number(match[1]) !== this.#length || this.#total !== undefined)
      throw new OutputTruncated(`something else than od wrote to the terminal at byte ${this.#length}`);
    const bytes = Buffer.from(match[2]!.replaceAll(" ", ""), "hex");
    if (bytes.length === 0) this.#total = this.#length;
    this.#length += bytes.length;
    return bytes;
  }

  static readonly #LONGEST_LINE = 256;
}
