import { setTimeout as delay } from "node:timers/promises";

/** A point in time after which work is given up; made once, and handed down to every step. */
export class Deadline {
  /** Aborts when the deadline passes, or earlier when the signal that it was made with aborts. */
  readonly signal: AbortSignal;
  readonly #endsAt: number;

  private constructor(milliseconds: number, signal: AbortSignal | undefined) {
    this.#endsAt = performance.now() + milliseconds;
    const timeout = AbortSignal.timeout(Math.max(0, Math.floor(milliseconds)));
    this.signal = signal ? AbortSignal.any([signal, timeout]) : timeout;
  }

  /** @param milliseconds from now; @param signal ends it earlier */
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
