import { OutputTooLarge } from "./errors.ts";

/** A queue of bytes between one writer and one reader. */
export class ByteQueue implements AsyncIterableIterator<Uint8Array> {
  readonly #limit: number;
  readonly #onReturn: () => void;
  readonly #chunks: Uint8Array[] = [];
  #held = 0;
  #end: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /**
   * @param limit bytes that may wait for the reader
   * @param onReturn called when the reader stops before the end
   */
  constructor(limit: number, onReturn: () => void) {
    this.#limit = limit;
    this.#onReturn = onReturn;
  }

  /** @throws OutputTooLarge when the reader is too far behind */
  push(bytes: Uint8Array): void {
    this.#held += bytes.length;
    if (this.#held > this.#limit) throw new OutputTooLarge(this.#limit);
    this.#chunks.push(bytes);
    this.#wakeReader();
  }

  /**
   * @param error thrown to the reader once it has read everything in the queue.
   * @default - the iteration ends normally
   */
  end(error?: unknown): void {
    this.#end ??= { error };
    this.#wakeReader();
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (this.#chunks.length === 0 && !this.#end) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const value = this.#chunks.shift();
    if (value) {
      this.#held -= value.length;
      return { value, done: false };
    }
    if (this.#end?.error !== undefined) throw this.#end.error;
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#onReturn();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
