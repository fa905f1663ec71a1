import { encodeMessage, MESSAGE_TYPE } from "../protocol/index.ts";
import { RoundTripTime } from "./round-trip-time.ts";

/** How much may be on the way at the same time. Neither plugin nor agent has a window of its own. */
export interface Window {
  readonly messages: number;
  /** Of frames, their headers included. */
  readonly bytes: number;
}

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
  readonly #window: Window;
  readonly #roundTripTime = new RoundTripTime();
  /** In the order of sequence numbers. */
  readonly #unacknowledged = new Map<number, Unacknowledged>();
  #bytes = 0;
  #next = 0;
  #progressAt = 0;

  constructor(now: () => number, transmit: (frame: Buffer) => void, window: Window) {
    this.#now = now;
    this.#transmit = transmit;
    this.#window = window;
  }

  get hasRoom(): boolean {
    return this.#unacknowledged.size < this.#window.messages && this.#bytes < this.#window.bytes;
  }

  get isIdle(): boolean {
    return this.#unacknowledged.size === 0;
  }

  /** Time since which messages wait for an acknowledgement and none has come; `undefined` when none waits. */
  get waitingSince(): number | undefined {
    return this.isIdle ? undefined : this.#progressAt;
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
    const now = this.#now();
    if (this.isIdle) this.#progressAt = now;
    this.#unacknowledged.set(sequenceNumber, { sequenceNumber, frame, sentAt: now });
    this.#bytes += frame.length;
    this.#transmit(frame);
  }

  /**
   * Peers match an acknowledgement by its sequence number alone. Unknown and repeated ones are not errors.
   */
  acknowledge(sequenceNumber: number): void {
    const message = this.#unacknowledged.get(sequenceNumber);
    if (message === undefined) return;
    this.#unacknowledged.delete(sequenceNumber);
    this.#bytes -= message.frame.length;
    this.#progressAt = this.#now();
    this.#roundTripTime.learn(this.#progressAt - message.sentAt);
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
