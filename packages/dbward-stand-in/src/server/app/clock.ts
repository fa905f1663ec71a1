/**
 * The server's time. Tests let it go faster than the real one, by `DBWARD_STANDIN_SPEED`: what takes dbward
 * minutes (leases, time limits, jobs that run every minute) is then over in seconds.
 */
export class Clock {
  readonly #speed: number;
  readonly #started = Date.now();

  /** @param speed how many times faster than the real one it goes */
  constructor(speed = Number(process.env.DBWARD_STANDIN_SPEED || 1)) {
    this.#speed = speed;
  }

  /** Milliseconds since 1970, as `Date.now()`. */
  now(): number {
    return this.#started + (Date.now() - this.#started) * this.#speed;
  }

  /** The time as answers show it. @param inMs milliseconds from now */
  timestamp(inMs = 0): string {
    return new Date(this.now() + inMs).toISOString();
  }

  /** Milliseconds that have passed since a timestamp. */
  since(timestamp: string): number {
    return this.now() - Date.parse(timestamp);
  }

  /** Calls back once after so many milliseconds of this clock. @returns what takes it back */
  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, ms / this.#speed);
    return () => clearTimeout(timer);
  }

  /** Calls back at once and then again and again. @returns what ends it */
  every(ms: number, callback: () => void): () => void {
    callback();
    const timer = setInterval(callback, ms / this.#speed);
    return () => clearInterval(timer);
  }
}
