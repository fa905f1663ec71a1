const POLYNOMIAL = 0x04c11db7;

let table: Int32Array | undefined;

/** Remainders of all bytes. Made at first use: what only loads this module needn't wait for it. */
function remainders(): Int32Array {
  table ??= Int32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte << 24;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder << 1) ^ (remainder < 0 ? POLYNOMIAL : 0);
    return remainder;
  });
  return table;
}

/**
 * The checksum of the POSIX utility `cksum`: CRC-32, most significant bit first, over the bytes and their
 * count.
 */
export class PosixCksum {
  readonly #remainders = remainders();
  #remainder = 0;
  #length = 0;

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  update(bytes: Uint8Array): void {
    const remainders = this.#remainders;
    let remainder = this.#remainder;
    for (let at = 0; at < bytes.length; at++)
      remainder = (remainder << 8) ^ remainders[(remainder >>> 24) ^ bytes[at]!]!;
    this.#remainder = remainder;
    this.#length += bytes.length;
  }

  /** What `cksum` prints as its first number. */
  get value(): number {
    let remainder = this.#remainder;
    for (let rest = this.#length; rest > 0; rest = Math.floor(rest / 256))
      remainder = (remainder << 8) ^ this.#remainders[(remainder >>> 24) ^ (rest & 0xff)]!;
    return ~remainder >>> 0;
  }
}
