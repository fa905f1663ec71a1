import type { AgentMessage } from "../protocol/index.ts";

/** How much may be held that came too early; what goes beyond is dropped unacknowledged, and sent again. */
export interface ReorderLimits {
  /** @default 10000, as in the plugin */
  readonly messages: number;
  /** @default 16 MiB */
  readonly bytes: number;
}

const DEFAULT_REORDER_LIMITS: ReorderLimits = { messages: 10_000, bytes: 16 * 1024 * 1024 };

/** What became of a message: only `dropped` must not be acknowledged. */
export type Arrival = "next" | "early" | "duplicate" | "dropped";

/** Brings the messages of one direction into the order of their sequence numbers, each of them once. */
export class ReorderBuffer {
  readonly #limits: ReorderLimits;
  readonly #early = new Map<number, AgentMessage>();
  #earlyBytes = 0;
  #expected = 0;

  constructor(limits: ReorderLimits = DEFAULT_REORDER_LIMITS) {
    this.#limits = limits;
  }

  /** Sequence number of the next message that can be delivered. */
  get expected(): number {
    return this.#expected;
  }

  /** Messages that wait for one before them. */
  get waiting(): number {
    return this.#early.size;
  }

  /** Takes a message in. After `next`, ask {@link shift} until it has none left. */
  add(message: AgentMessage): Arrival {
    const { sequenceNumber, payload } = message;
    if (sequenceNumber < this.#expected || this.#early.has(sequenceNumber)) return "duplicate";
    const isNext = sequenceNumber === this.#expected;
    const fits =
      sequenceNumber - this.#expected <= this.#limits.messages &&
      this.#earlyBytes + payload.length <= this.#limits.bytes;
    // The message that all others wait for is always let in: refusing it would end the progress.
    if (!isNext && !fits) return "dropped";
    this.#early.set(sequenceNumber, message);
    this.#earlyBytes += payload.length;
    return isNext ? "next" : "early";
  }

  /** The next message in order, if it is here. */
  shift(): AgentMessage | undefined {
    const message = this.#early.get(this.#expected);
    if (message === undefined) return undefined;
    this.#early.delete(this.#expected);
    this.#earlyBytes -= message.payload.length;
    this.#expected++;
    return message;
  }
}
