import {
  type AgentMessage,
  decodeAcknowledgement,
  decodeMessage,
  encodeAcknowledgement,
  encodeMessage,
  MalformedFrame,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
} from "../protocol/index.ts";

/**
 * Milliseconds between two looks at the oldest message that isn't acknowledged, and its age to be sent again.
 */
const RESEND_TICK = 100;
const RESEND_AGE = 200;

export interface AgentPeerEvents {
  transmit(frame: Buffer): void;
  /** Input in order, each message once. */
  input(message: AgentMessage): void;
}

/** The agent's side of a data channel, without I/O and clock: the peer of the tests. */
export class AgentPeer {
  readonly #now: () => number;
  readonly #events: AgentPeerEvents;
  readonly #unacknowledged = new Map<number, { frame: Buffer; sentAt: number }>();
  readonly #early = new Map<number, AgentMessage>();
  #next = 0;
  #expected = 0;

  constructor(now: () => number, events: AgentPeerEvents) {
    this.#now = now;
    this.#events = events;
  }

  get nextTick(): number | undefined {
    const oldest = this.#oldest;
    return oldest && Math.max(oldest.sentAt + RESEND_AGE, this.#now() + RESEND_TICK);
  }

  /** Messages that the client has not acknowledged. */
  get unacknowledged(): number {
    return this.#unacknowledged.size;
  }

  send(payload: Uint8Array, payloadType: number = PAYLOAD_TYPE.output): void {
    const sequenceNumber = this.#next++;
    const frame = encodeMessage({
      messageType: MESSAGE_TYPE.outputStreamData,
      sequenceNumber,
      flags: sequenceNumber === 0 ? 1 : 0,
      payloadType,
      payload,
    });
    this.#unacknowledged.set(sequenceNumber, { frame, sentAt: this.#now() });
    this.#events.transmit(frame);
  }

  tick(): void {
    const oldest = this.#oldest;
    if (!oldest || this.#now() - oldest.sentAt < RESEND_AGE) return;
    oldest.sentAt = this.#now();
    this.#events.transmit(oldest.frame);
  }

  /** As the agent does: digests aren't checked, and what can't be read is ignored. */
  receive(frame: Uint8Array): void {
    try {
      this.#receive(decodeMessage(frame, { checkDigest: false }));
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
    }
  }

  #receive(message: AgentMessage): void {
    if (message.messageType === MESSAGE_TYPE.acknowledge) {
      const { sequenceNumber } = decodeAcknowledgement(message.payload);
      this.#unacknowledged.delete(sequenceNumber);
      return;
    }
    if (message.messageType !== MESSAGE_TYPE.inputStreamData) return;
    if (message.sequenceNumber >= this.#expected) this.#early.set(message.sequenceNumber, message);
    for (let next = this.#early.get(this.#expected); next; next = this.#early.get(this.#expected)) {
      this.#early.delete(this.#expected++);
      this.#events.input(next);
    }
    this.#events.transmit(encodeAcknowledgement(message));
  }

  get #oldest(): { frame: Buffer; sentAt: number } | undefined {
    return this.#unacknowledged.values().next().value;
  }
}
