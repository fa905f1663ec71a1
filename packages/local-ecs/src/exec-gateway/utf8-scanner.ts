/**
 * The agent's own way with the bytes of a pty, faults included: it walks through them by UTF-8 characters and
 * holds back what may be the beginning of one.
 *
 * Valid text passes whole and is never split inside a character. An invalid byte passes too, unless it is
 * among the last three of what was read: then it waits for more, with all that follows it, and is lost when
 * no more comes. A literal U+FFFD loses its last two bytes.
 */
export class Utf8Scanner {
  #held: Buffer = Buffer.alloc(0);

  /** @returns what is sent now; empty when everything waits */
  push(bytes: Uint8Array): Buffer {
    const input = Buffer.concat([this.#held, bytes]);
    const output: Buffer[] = [];
    let from = 0;
    let at = 0;
    while (at < input.length) {
      const length = characterLength(input, at);
      if (length > 0) {
        at += length;
        continue;
      }
      if (input.length - at < LONGEST_CHARACTER) break;
      // The agent sends one byte, and goes on after what it took for one character.
      output.push(input.subarray(from, at + 1));
      at += isReplacementCharacter(input, at) ? 3 : 1;
      from = at;
    }
    output.push(input.subarray(from, at));
    this.#held = input.subarray(at);
    return Buffer.concat(output);
  }
}

const LONGEST_CHARACTER = 4;

/**
 * Bytes of the character at an offset; 0 when there is none, and for U+FFFD, which stands for "none" in Go.
 */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + length > bytes.length) return 0;
  // Over-long forms, surrogates, and what lies beyond U+10FFFF show in the second byte.
  const second = bytes[at + 1]!;
  const [least, most] = SECOND_BYTE.get(first) ?? [0x80, 0xbf];
  if (second < least || second > most) return 0;
  for (let offset = 2; offset < length; offset++) if ((bytes[at + offset]! & 0xc0) !== 0x80) return 0;
  return isReplacementCharacter(bytes, at) ? 0 : length;
}

const SECOND_BYTE: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);

function isReplacementCharacter(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd;
}
