import { encodeMessage, MESSAGE_TYPE } from "../protocol/index.ts";
import { RoundTripTime } from "./round-trip-time.ts";

/**
 * Messages on the way at the same time. Neither peer nor agent has a window; this one keeps a long standard input
 * from flooding a pty that is read slowly.
 */
const WINDOW = 32;

interface Unacknowledged {
  readonly sequenceNumber: number;
  /** Sent again byte by byte as it was. */
  readonly frame: Buffer;
  sentAt: number;
}

/** Numbers our own messages, and keeps each until the agent has acknowledged it. */
export class Retransmitter {
  readonly #now: () => number;
  readonly #transmit: (frame: Buffer) => void;
  readonly #roundTripTime = new RoundTripTime();
  /** In the order of sequence numbers. */
  readonly #unacknowledged = new Map<number, Unacknowledged>();
  #next = 0;

  constructor(now: () => number, transmit: (frame: Buffer) => void) {
    this.#now = now;
    this.#transmit = transmit;
  }

  get hasRoom(): boolean {
    return this.#unacknowledged.size < WINDOW;
  }

  get isIdle(): boolean {
    return this.#unacknowledged.size === 0;
  }

  /** Time at which {@link resendOldest} has something to do. */
  get dueAt(): number | undefined {
    const oldest = this.#oldest();
    return oldest && oldest.sentAt + this.#roundTripTime.timeout;
  }

  send(payloadType: number, payload: Uint8Array): void {
    const sequenceNumber = this.#next++;
    const frame = encodeMessage({
      messageType: MESSAGE_TYPE.inputStreamData,
      sequenceNumber,
      payloadType,
      payload,
    });
    this.#unacknowledged.set(sequenceNumber, { sequenceNumber, frame, sentAt: this.#now() });
    this.#transmit(frame);
  }

  /** Peers match an acknowledgement by its sequence number alone. Unknown ones and second ones are no fault. */
  acknowledge(sequenceNumber: number): void {
    const message = this.#unacknowledged.get(sequenceNumber);
    if (message === undefined) return;
    this.#unacknowledged.delete(sequenceNumber);
    this.#roundTripTime.learn(this.#now() - message.sentAt);
  }

  /** Sends the oldest message again when its time has come. Later ones wait: most often they did arrive. */
  resendOldest(): void {
    const oldest = this.#oldest();
    if (oldest && this.dueAt! <= this.#now()) this.#resend(oldest);
  }

  /** On a new connection nobody knows what of it arrived. */
  resendAll(): void {
    for (const message of this.#unacknowledged.values()) this.#resend(message);
  }

  #oldest(): Unacknowledged | undefined {
    return this.#unacknowledged.values().next().value;
  }

  #resend(message: Unacknowledged): void {
    message.sentAt = this.#now();
    this.#transmit(message.frame);
  }
}
