/** Control characters that no program writes in this order. */
const START = "\u001e\u0002";
const END = "\u0003\u001e";
/** `exit 255` is the longest. */
const DIGITS = 3;

/**
 * The exit code of a shell in a terminal session, which has no place for one: the command line prints it,
 * behind a word that is new each time, and {@link ExitMarker} takes it out of the output again.
 */
export class ExitMarker {
  readonly #word: string;
  readonly #start: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #exitCode: number | undefined;

  /** @param word letters and digits that the output can't have otherwise */
  constructor(word: string) {
    this.#word = word;
    this.#start = Buffer.from(`${START}${word}:`);
  }

  /** The exit code, once the shell has ended; `undefined` when it was killed. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** A script for `/bin/sh -c` that runs a shell, and prints its exit code. It has no quotes in it. */
  script(shell: string): string {
    // Ctrl-C is for the shell: the script, which is in the same process group, survives it.
    return `trap : INT QUIT; ${shell}; printf \\\\036\\\\002${this.#word}:%s\\\\003\\\\036 $?`;
  }

  /** @returns what can be shown: the bytes without the marker, and without what may be the beginning of it */
  take(bytes: Uint8Array): Buffer {
    const all = Buffer.concat([this.#held, bytes]);
    const at = all.indexOf(this.#start);
    if (at < 0) {
      const kept = this.#beginning(all);
      this.#held = all.subarray(all.length - kept);
      return all.subarray(0, all.length - kept);
    }
    const rest = all.subarray(at + this.#start.length).toString("latin1");
    const end = rest.indexOf(END);
    if (end < 0 && rest.length <= DIGITS + END.length) {
      this.#held = all.subarray(at);
      return all.subarray(0, at);
    }
    const code = rest.slice(0, end);
    if (/^\d{1,3}$/.test(code)) this.#exitCode = Number(code);
    this.#held = Buffer.alloc(0);
    return all.subarray(0, at);
  }

  /** What was held back, when the output has ended. */
  end(): Buffer {
    return this.#held;
  }

  /** How many bytes at the end of `all` may begin the marker. */
  #beginning(all: Buffer): number {
    for (let length = Math.min(all.length, this.#start.length - 1); length > 0; length--)
      if (all.subarray(all.length - length).equals(this.#start.subarray(0, length))) return length;
    return 0;
  }
}
