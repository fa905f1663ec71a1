import type { AgentMessage } from "@dbward-aws/ecs-exec/protocol";

/** What the agent does with a message: process it and what it set free, and acknowledge, or neither. */
export interface Received {
  readonly acknowledge: boolean;
  /** In order; empty for a duplicate and for one that is ahead of its turn. */
  readonly ready: readonly AgentMessage[];
}

/** Brings the client's messages into the order of their sequence numbers. */
export class Incoming {
  #expected = 0;
  readonly #ahead = new Map<number, AgentMessage>();

  /**
   * @param isReady whether messages whose turn it is can be processed; else they are refused, and come again
   */
  receive(message: AgentMessage, isReady = true): Received {
    const { sequenceNumber } = message;
    // The client may have missed the first acknowledgement.
    if (sequenceNumber < this.#expected) return { acknowledge: true, ready: [] };
    if (sequenceNumber > this.#expected) {
      if (this.#ahead.size >= CAPACITY) return { acknowledge: false, ready: [] };
      this.#ahead.set(sequenceNumber, message);
      return { acknowledge: true, ready: [] };
    }
    if (!isReady) return { acknowledge: false, ready: [] };
    const ready: AgentMessage[] = [];
    for (let next: AgentMessage | undefined = message; next; next = this.#ahead.get(this.#expected)) {
      this.#ahead.delete(this.#expected);
      this.#expected++;
      ready.push(next);
    }
    return { acknowledge: true, ready };
  }
}

/** Messages that the agent keeps for their turn. */
const CAPACITY = 100_000;
