/** Longest delay of a timer, 24 days in milliseconds; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A point in time at which work is abandoned; created once, and passed to every step. */
export class Deadline {
  /** Aborts when the deadline passes, or earlier with the signal that the deadline was created with. */
  readonly signal: AbortSignal;
  readonly #endsAt: number;

  private constructor(milliseconds: number, signal: AbortSignal | undefined) {
    if (Number.isNaN(milliseconds)) throw new RangeError("The milliseconds of a deadline must be a number.");
    const bounded = Math.min(Math.max(0, Math.floor(milliseconds)), LONGEST_TIMER);
    this.#endsAt = performance.now() + bounded;
    const timeout = AbortSignal.timeout(bounded);
    this.signal = signal ? AbortSignal.any([signal, timeout]) : timeout;
  }

  /**
   * @param milliseconds from now; more than 24 days, or `Infinity`, counts as 24 days
   * @param signal ends the deadline earlier
   * @throws RangeError when `milliseconds` is not a number
   */
  static after(milliseconds: number, signal?: AbortSignal): Deadline {
    return new Deadline(milliseconds, signal);
  }

  /** Milliseconds that are left, never negative. */
  get remaining(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  get passed(): boolean {
    return this.signal.aborted || this.remaining === 0;
  }

  /** Waits, at most until the deadline. Never rejects: check {@link passed} afterwards. */
  async sleep(milliseconds: number): Promise<void> {
    await sleep(Math.min(milliseconds, this.remaining), this.signal);
  }

  /**
   * Calls `probe` until it returns something other than `undefined`.
   *
   * @param intervalMs milliseconds between the end of one call and the start of the next
   * @returns its result, or `undefined` when the deadline passed first
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

/**
 * Waits, or until the signal aborts; never rejects. `node:timers/promises` would do the same, but a function
 * that loads that module starts later.
 */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
