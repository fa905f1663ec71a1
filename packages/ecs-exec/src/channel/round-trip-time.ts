/** Milliseconds. The figures are those of agent and plugin, which follow RFC 6298 with a cap. */
const FIRST_TIMEOUT = 200;
const FIRST_SMOOTHED = 100;
const LEAST_VARIATION = 10;
const LONGEST_TIMEOUT = 1000;

/** Learns from acknowledgements how long to wait for one before a message is sent again. */
export class RoundTripTime {
  #smoothed = FIRST_SMOOTHED;
  #variation = 0;
  #timeout = FIRST_TIMEOUT;

  /** Milliseconds after which a message without acknowledgement counts as lost; at most 1000. */
  get timeout(): number {
    return this.#timeout;
  }

  /** @param measured milliseconds from the last sending of a message to its acknowledgement */
  learn(measured: number): void {
    this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#smoothed - measured);
    this.#smoothed = 0.875 * this.#smoothed + 0.125 * measured;
    this.#timeout = Math.min(
      LONGEST_TIMEOUT,
      this.#smoothed + Math.max(LEAST_VARIATION, 4 * this.#variation),
    );
  }
}
