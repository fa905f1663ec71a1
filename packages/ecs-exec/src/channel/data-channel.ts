import {
  decodeExitCode,
  encodeSize,
  PAYLOAD_TYPE,
  STREAM_PAYLOAD_SIZE,
  type TerminalSize,
} from "../protocol/index.ts";
import { type LinkEvents, MessageChannel } from "./message-channel.ts";
import type { ReorderLimits } from "./reorder-buffer.ts";
import type { Window } from "./retransmitter.ts";

/** ^C: the terminal interrupts what runs in its foreground. */
export const INTERRUPT = Uint8Array.of(0x03);

/** Keeps a long standard input from flooding a pty that is read slowly. */
const WINDOW: Window = { messages: 32, bytes: 1024 * 1024 };

/** Events of a {@link DataChannel}. */
export interface ChannelEvents extends LinkEvents {
  /** Output of the command, in order, each byte once. */
  output(bytes: Uint8Array, stream: "stdout" | "stderr"): void;
  /** Only for sessions that report it; those of ECS Exec don't. */
  exitCode(exitCode: number): void;
}

/** How a {@link DataChannel} is made. */
export interface DataChannelOptions {
  /** Milliseconds on a clock that doesn't go back. */
  readonly now: () => number;
  readonly events: ChannelEvents;
  /** @default 300 columns, 100 rows: the plugin's values when it has no terminal */
  readonly terminal?: TerminalSize;
  readonly reorderLimits?: ReorderLimits;
  /**
   * `true`: the session is known to begin without a handshake (no KMS key is configured), so input goes out
   * at once. Only a command that is silent until it gets input needs it. @default false
   */
  readonly withoutHandshake?: boolean;
}

/**
 * The channel of a command on a terminal.
 *
 * Standard input is held back until the session is known to take it: after the handshake, or after the first
 * output where there is none. The agent acknowledges earlier input and discards it.
 */
export class DataChannel extends MessageChannel {
  readonly #events: ChannelEvents;
  readonly #withoutHandshake: boolean;
  #terminal: TerminalSize;
  /** Standard input that was not sent yet, in pieces of at most one message. */
  readonly #held: Uint8Array[] = [];

  constructor(options: DataChannelOptions) {
    super({
      now: options.now,
      events: options.events,
      window: WINDOW,
      ...(options.reorderLimits ? { reorderLimits: options.reorderLimits } : {}),
      content: {
        handshake: "optional",
        opened: () => this.#sendSize(),
        message: (payloadType, payload) => this.#receive(payloadType, payload),
        room: () => this.#flush(),
        probe: () => this.#sendSize(),
      },
    });
    this.#events = options.events;
    this.#terminal = options.terminal ?? { cols: 300, rows: 100 };
    this.#withoutHandshake = options.withoutHandshake ?? false;
  }

  /** Whether all input has arrived at the agent. */
  get isInputDelivered(): boolean {
    return this.#held.length === 0 && this.isIdle;
  }

  override connected(tokenValue: string): void {
    super.connected(tokenValue);
    if (this.#withoutHandshake && this.phase === "opening") this.open();
    this.#flush();
  }

  /** Sends bytes to the command's standard input, which is a terminal. They are copied. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += STREAM_PAYLOAD_SIZE)
      this.#held.push(Buffer.from(bytes.subarray(at, at + STREAM_PAYLOAD_SIZE)));
    this.#flush();
  }

  /**
   * Discards the input that hasn't been sent yet and sends ^C. It is sent even before the session is known to
   * take input: a handshake that comes later is not answered, so the agent ends the session without starting
   * the command.
   */
  cancel(): void {
    this.#held.length = 0;
    if (this.phase === "opening") this.open();
    if (this.phase === "open") this.send(PAYLOAD_TYPE.output, INTERRUPT);
    else this.#held.push(INTERRUPT);
  }

  /** Sets the size of the terminal: now, or as soon as the session takes it. */
  resize(size: TerminalSize): void {
    this.#terminal = size;
    if (this.phase === "open") this.#sendSize();
  }

  #receive(payloadType: number, payload: Uint8Array): void {
    if (payloadType === PAYLOAD_TYPE.output) this.#events.output(payload, "stdout");
    else if (payloadType === PAYLOAD_TYPE.stdErr || payloadType === PAYLOAD_TYPE.error)
      this.#events.output(payload, "stderr");
    else if (payloadType === PAYLOAD_TYPE.exitCode) this.#events.exitCode(decodeExitCode(payload));
    // Parameters and flags belong to port sessions.
  }

  #sendSize(): void {
    this.send(PAYLOAD_TYPE.size, encodeSize(this.#terminal));
  }

  #flush(): void {
    while (this.#held.length > 0 && this.hasRoom) this.send(PAYLOAD_TYPE.output, this.#held.shift()!);
  }
}
