import { PAYLOAD_OFFSET } from "@dbward-aws/ecs-exec/protocol";

/**
 * What the gateway does to the messages of a session on purpose. Chances are from 0 to 1, for each message;
 * what is left out doesn't happen.
 */
export interface ExecFaults {
  /** The same seed makes the same choices. @default 1 */
  readonly seed?: number;
  /** Which messages suffer. @default "both" */
  readonly direction?: "toClient" | "toAgent" | "both";
  /** Chance that a message is lost. */
  readonly drop?: number;
  /** Chance that a message comes twice. */
  readonly double?: number;
  /** Chance that a message comes after its successor. */
  readonly reorder?: number;
  /** Chance that a message is held for up to {@link delayMs}. */
  readonly delay?: number;
  /** Milliseconds. @default 50 */
  readonly delayMs?: number;
  /** Chance that one byte of a message's payload is another one when it comes. */
  readonly damage?: number;
  /** Bytes: WebSocket messages to the client come in fragments of this size, and TCP segments as well. */
  readonly split?: number;
  /** Cuts the connection after so many messages in both directions together. */
  readonly closeAfter?: number;
  /** Cuts the connection again and again, each time after so many messages. */
  readonly closeEvery?: number;
  /**
   * Connections are cut with WebSocket's close code 1000, as the service does about every hour.
   * @default false - without a close frame
   */
  readonly closeCleanly?: boolean;
  /** Only so many sessions suffer, the next ones; those after them don't. @default all */
  readonly sessions?: number;
  /** So many calls of ExecuteCommand and StartSession are answered first as if the agent wasn't connected. */
  readonly refuse?: number;
}

/** Hands a message on, perhaps late. */
export type Deliver = (frame: Buffer) => void;

/** One direction of a session's connection, with its faults. */
export class FaultyLine {
  readonly #faults: ExecFaults;
  readonly #random: () => number;
  readonly #deliver: Deliver;
  #overtaken: Buffer | undefined;
  #overtakenTimer: NodeJS.Timeout | undefined;
  readonly #delayed = new Set<NodeJS.Timeout>();

  constructor(faults: ExecFaults, random: () => number, deliver: Deliver) {
    this.#faults = faults;
    this.#random = random;
    this.#deliver = deliver;
  }

  send(sent: Buffer): void {
    if (this.#happens(this.#faults.drop)) return;
    const frame = this.#happens(this.#faults.damage) ? this.#damage(sent) : sent;
    if (this.#happens(this.#faults.double)) this.#deliver(frame);
    if (this.#happens(this.#faults.delay)) {
      this.#later(frame, this.#random() * (this.#faults.delayMs ?? 50));
      return;
    }
    if (!this.#overtaken && this.#happens(this.#faults.reorder)) {
      this.#overtaken = frame;
      // The last message has no successor to come after.
      this.#overtakenTimer = setTimeout(() => this.#release(), LONGEST_WAIT_FOR_SUCCESSOR_MS);
      return;
    }
    this.#deliver(frame);
    this.#release();
  }

  /** Forgets what is still held. */
  close(): void {
    clearTimeout(this.#overtakenTimer);
    for (const timer of this.#delayed) clearTimeout(timer);
  }

  #happens(chance: number | undefined): boolean {
    return chance !== undefined && this.#random() < chance;
  }

  #damage(frame: Buffer): Buffer {
    const length = frame.length - PAYLOAD_OFFSET;
    if (length <= 0) return frame;
    const damaged = Buffer.from(frame);
    damaged[PAYLOAD_OFFSET + Math.floor(this.#random() * length)]! ^= 1 + Math.floor(this.#random() * 255);
    return damaged;
  }

  #later(frame: Buffer, milliseconds: number): void {
    const timer = setTimeout(() => {
      this.#delayed.delete(timer);
      this.#deliver(frame);
    }, milliseconds);
    this.#delayed.add(timer);
  }

  #release(): void {
    clearTimeout(this.#overtakenTimer);
    const frame = this.#overtaken;
    this.#overtaken = undefined;
    if (frame) this.#deliver(frame);
  }
}

const LONGEST_WAIT_FOR_SUCCESSOR_MS = 50;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
