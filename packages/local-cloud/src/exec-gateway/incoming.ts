import type { AgentMessage } from "@dbward-aws/ecs-exec/protocol";

/** What the agent does with a message: `process` it and what it set free, and acknowledge, or neither. */
export interface Received {
  readonly acknowledge: boolean;
  /** In order; empty for a duplicate and for one that is ahead of its turn. */
  readonly ready: readonly AgentMessage[];
}

/** Brings the client's messages into the order of their sequence numbers. */
export class Incoming {
  #expected = 0;
  readonly #ahead = new Map<number, AgentMessage>();

  receive(message: AgentMessage): Received {
    const { sequenceNumber } = message;
    // The client may have missed the first acknowledgement.
    if (sequenceNumber < this.#expected) return { acknowledge: true, ready: [] };
    if (sequenceNumber > this.#expected) {
      if (this.#ahead.size >= CAPACITY) return { acknowledge: false, ready: [] };
      this.#ahead.set(sequenceNumber, message);
      return { acknowledge: true, ready: [] };
    }
    const ready: AgentMessage[] = [];
    for (let next: AgentMessage | undefined = message; next; next = this.#ahead.get(this.#expected)) {
      this.#ahead.delete(this.#expected);
      this.#expected++;
      ready.push(next);
    }
    return { acknowledge: true, ready };
  }
}

/** The agent keeps 100,000; this is a tenth, so that a client that misbehaves costs 10 MB and not 100. */
const CAPACITY = 10_000;
