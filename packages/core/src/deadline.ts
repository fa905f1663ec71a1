import { setTimeout as delay } from "node:timers/promises";

/** Timers hold no more milliseconds than this, 24 days; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A point in time after which work is given up; made once, and handed down to every step. */
export class Deadline {
  /** Aborts when the deadline passes, or earlier when the signal that it was made with aborts. */
  readonly signal: AbortSignal;
  readonly #endsAt: number;

  private constructor(milliseconds: number, signal: AbortSignal | undefined) {
    if (Number.isNaN(milliseconds)) throw new RangeError("A deadline needs a number of milliseconds");
    const bounded = Math.min(Math.max(0, Math.floor(milliseconds)), LONGEST_TIMER);
    this.#endsAt = performance.now() + bounded;
    const timeout = AbortSignal.timeout(bounded);
    this.signal = signal ? AbortSignal.any([signal, timeout]) : timeout;
  }

  /**
   * @param milliseconds from now; 24 days at most, and `Infinity` means these
   * @param signal ends it earlier
   * @throws RangeError when `milliseconds` is no number
   */
  static after(milliseconds: number, signal?: AbortSignal): Deadline {
    return new Deadline(milliseconds, signal);
  }

  /** Milliseconds left, never negative. */
  get remaining(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  get passed(): boolean {
    return this.signal.aborted || this.remaining === 0;
  }

  /** Waits, at most until the deadline. Never rejects: ask {@link passed} afterwards. */
  async sleep(milliseconds: number): Promise<void> {
    await delay(Math.min(milliseconds, this.remaining), undefined, { signal: this.signal }).catch(
      () => undefined,
    );
  }

  /**
   * Asks `probe` until it answers with something other than `undefined`.
   *
   * @param intervalMs milliseconds between the end of one question and the start of the next
   * @returns the answer, or `undefined` when the deadline passed first
   */
  async until<T>(
    probe: () => Promise<T | undefined> | T | undefined,
    intervalMs: number,
  ): Promise<T | undefined> {
    for (;;) {
      const answer = await probe();
      if (answer !== undefined) return answer;
      if (this.passed) return undefined;
      await this.sleep(intervalMs);
    }
  }
}
