/** A frame that was sent and is not acknowledged yet. */
interface Unacknowledged {
  readonly frame: Buffer;
  sentAt: number;
}

/**
 * What the agent has sent and not seen acknowledged. It has no window: everything is sent at once, and then
 * only the oldest frame is sent again, when it is older than a time-out that follows the measured round
 * trips.
 *
 * Milliseconds throughout, of any one clock.
 */
export class Retransmission {
  /** By sequence number; a map keeps the order of insertion, so the first is the oldest. */
  readonly #unacknowledged = new Map<number, Unacknowledged>();
  #roundTrip = 100;
  #variation = 0;
  #timeout = 200;

  /** True when everything has been acknowledged. */
  get empty(): boolean {
    return this.#unacknowledged.size === 0;
  }

  /** Milliseconds after which the oldest frame is sent again. */
  get timeout(): number {
    return this.#timeout;
  }

  /** A frame beyond the agent's capacity has been sent, but can't be sent again. */
  sent(sequenceNumber: number, frame: Buffer, now: number): void {
    if (this.#unacknowledged.size < CAPACITY)
      this.#unacknowledged.set(sequenceNumber, { frame, sentAt: now });
  }

  /** Acknowledgements are matched by sequence number alone; one for an unknown number means nothing. */
  acknowledged(sequenceNumber: number, now: number): void {
    const sent = this.#unacknowledged.get(sequenceNumber);
    if (!sent) return;
    this.#unacknowledged.delete(sequenceNumber);
    const roundTrip = now - sent.sentAt;
    this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#roundTrip - roundTrip);
    this.#roundTrip = 0.875 * this.#roundTrip + 0.125 * roundTrip;
    this.#timeout = Math.min(1000, this.#roundTrip + Math.max(10, 4 * this.#variation));
  }

  /** The frame that is to be sent again now, if any; ask every {@link RESEND_INTERVAL_MS}. */
  due(now: number): Buffer | undefined {
    const [oldest] = this.#unacknowledged.values();
    if (!oldest || now - oldest.sentAt <= this.#timeout) return undefined;
    oldest.sentAt = now;
    return oldest.frame;
  }
}

/** How often the agent looks at its oldest unacknowledged frame, in milliseconds. */
export const RESEND_INTERVAL_MS = 100;

/** Frames that the agent remembers. */
const CAPACITY = 100_000;
