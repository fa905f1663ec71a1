import { randomUUID } from "node:crypto";
import { type DbwardError, describeError } from "@dbward-aws/core";
import {
  type AgentMessage,
  decodeAcknowledgement,
  decodeChallenge,
  decodeChannelClosed,
  decodeExitCode,
  decodeHandshakeRequest,
  decodeMessage,
  encodeAcknowledgement,
  encodeChallenge,
  encodeHandshakeResponse,
  encodeOpenDataChannel,
  encodeSize,
  MalformedFrame,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
  STREAM_PAYLOAD_SIZE,
  type TerminalSize,
} from "../protocol/index.ts";
import { ChannelLost, EncryptionFailed, HandshakeFailed } from "./errors.ts";
import { answerHandshake, type DataKey, type DataKeyRequest, planHandshake } from "./handshake.ts";
import { ReorderBuffer, type ReorderLimits } from "./reorder-buffer.ts";
import { Retransmitter } from "./retransmitter.ts";
import { SessionCipher } from "./session-cipher.ts";

/** Version that we give ourselves: agents hold plugins up to 1.2.295 for outdated, and say so in the output. */
export const CLIENT_VERSION = "1.2.650.0";

/** Milliseconds; the agent itself gives up 15 s after its request. */
const HANDSHAKE_TIMEOUT = 20_000;
/** Milliseconds without any sign of the peer after which one is asked for, and after which the link counts as dead. */
const PROBE_AFTER = 15_000;
const DEAD_AFTER = 45_000;
/** Frames that aren't messages, until the peer is given up. A damaged frame or two are sent again by the agent. */
const MAX_MALFORMED = 100;

/** ^C: the terminal interrupts what runs in its foreground. */
export const INTERRUPT = Uint8Array.of(0x03);

/** What the channel tells the one who drives it. */
export interface ChannelEvents {
  /** Puts a frame on the socket: text for the first of a connection, bytes for all others. */
  transmit(frame: string | Buffer): void;
  /** Puts an acknowledgement on the socket. It may wait a little, as nothing else waits for it. */
  acknowledge(frame: Buffer): void;
  /** Output of the command, in order, each byte once. */
  output(bytes: Uint8Array, stream: "stdout" | "stderr"): void;
  /** From sessions that tell it; ECS Exec's don't. */
  exitCode(exitCode: number): void;
  /** The agent wants the session encrypted: answer with `encrypt` or `refuseEncryption`. */
  dataKeyRequested(request: DataKeyRequest): void;
  /**
   * The service ended the session.
   * @param output empty at a normal end, else the agent's error text
   * @param missing messages that are known to be lost before the end
   */
  closed(output: string, missing: boolean): void;
  /** The session can't go on. Nothing is told after it. */
  failed(error: DbwardError): void;
  /**
   * Sends a WebSocket ping.
   * @returns `false` where the socket can't: then a message that must be acknowledged is sent instead
   */
  ping(): boolean;
}

/** How a {@link DataChannel} is made. */
export interface DataChannelOptions {
  /** Milliseconds on a clock that doesn't go back. */
  readonly now: () => number;
  readonly events: ChannelEvents;
  /** @default 300 columns, 100 rows: what the plugin says when it has no terminal */
  readonly terminal?: TerminalSize;
  readonly reorderLimits?: ReorderLimits;
  /**
   * `true`: the session is known to begin without a handshake (no KMS key is configured), so input goes out at once.
   * Only a command that is silent until it gets input needs it. @default false
   */
  readonly withoutHandshake?: boolean;
}

/**
 * The client's side of the Session Manager data channel, without I/O and without a clock of its own: frames,
 * connections and the passing of time are told to it, and it answers through {@link ChannelEvents}.
 *
 * Standard input is held back until the session is known to take it: after the handshake, or after the first output
 * where there is none. The agent acknowledges and throws away what comes earlier.
 */
export class DataChannel {
  readonly #now: () => number;
  readonly #events: ChannelEvents;
  readonly #withoutHandshake: boolean;
  #terminal: TerminalSize;
  readonly #clientId = randomUUID();
  readonly #incoming: ReorderBuffer;
  readonly #outgoing: Retransmitter;
  /** Standard input that was not sent yet, in pieces of at most one message. */
  readonly #held: Uint8Array[] = [];
  #phase: "opening" | "handshake" | "open" | "over" = "opening";
  #handshakeEndsAt = Number.POSITIVE_INFINITY;
  #keyRequest: ReturnType<typeof planHandshake> | undefined;
  #cipher: SessionCipher | undefined;
  #connected = false;
  #paused = false;
  #canPing = false;
  #malformed = 0;
  #heardAt = 0;
  #probedAt = 0;

  constructor(options: DataChannelOptions) {
    this.#now = options.now;
    this.#events = options.events;
    this.#terminal = options.terminal ?? { cols: 300, rows: 100 };
    this.#incoming = new ReorderBuffer(options.reorderLimits);
    this.#withoutHandshake = options.withoutHandshake ?? false;
    this.#outgoing = new Retransmitter(this.#now, (frame) => this.#transmitStream(frame));
  }

  /** Time at which {@link tick} must be called, on the clock that was given; `undefined`: not before the next event. */
  get nextTick(): number | undefined {
    if (this.#phase === "over") return undefined;
    const times = [this.#handshakeEndsAt];
    if (this.#connected) {
      times.push(this.#probeAt, this.#deadAt);
      if (!this.#paused) times.push(this.#outgoing.dueAt ?? Number.POSITIVE_INFINITY);
    }
    const next = Math.min(...times);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** Whether all input has arrived at the agent. */
  get isInputDelivered(): boolean {
    return this.#held.length === 0 && this.#outgoing.isIdle;
  }

  /** A socket is open: the first one, or a new one after {@link disconnected}. Numbers go on where they were. */
  connected(tokenValue: string): void {
    if (this.#phase === "over") return;
    this.#connected = true;
    this.#paused = false;
    this.#heardAt = this.#probedAt = this.#now();
    this.#events.transmit(
      encodeOpenDataChannel({
        tokenValue,
        requestId: randomUUID(),
        clientId: this.#clientId,
        clientVersion: CLIENT_VERSION,
      }),
    );
    this.#outgoing.resendAll();
    if (this.#withoutHandshake && this.#phase === "opening") this.#open();
    this.#flush();
  }

  /** The socket is gone: everything is kept for the next one. */
  disconnected(): void {
    this.#connected = false;
  }

  /** The peer gave a sign of life that is no message, such as a pong. */
  heard(): void {
    this.#heardAt = this.#now();
  }

  /** A message came. Text never does in this direction, and counts as malformed. */
  receive(frame: Uint8Array | string): void {
    if (this.#phase === "over") return;
    this.heard();
    try {
      if (typeof frame === "string") throw new MalformedFrame("it is text");
      this.#receiveMessage(decodeMessage(frame));
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      // Not acknowledged, so that the agent sends it again.
      if (++this.#malformed > MAX_MALFORMED)
        this.#fail(new ChannelLost("the peer doesn't speak the protocol", { cause: error }));
    }
  }

  /** Sends bytes to the command's standard input, which is a terminal. They are copied. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += STREAM_PAYLOAD_SIZE)
      this.#held.push(Buffer.from(bytes.subarray(at, at + STREAM_PAYLOAD_SIZE)));
    this.#flush();
  }

  /**
   * Types ^C past everything that waits, which is thrown away. It is sent even before the session is known to take input: where there is a
   * handshake to come, that is not answered any more, and the agent gives up without starting the command.
   */
  cancel(): void {
    this.#held.length = 0;
    if (this.#phase === "opening") this.#open();
    if (this.#phase === "open") this.#sendInput(INTERRUPT);
    else this.#held.push(INTERRUPT);
  }

  /** Tells the terminal's size: now, or as soon as the session takes it. */
  resize(size: TerminalSize): void {
    this.#terminal = size;
    if (this.#phase === "open") this.#sendSize();
  }

  /** Does what is due by now. */
  tick(): void {
    if (this.#phase === "over") return;
    const now = this.#now();
    if (now >= this.#handshakeEndsAt) {
      this.#fail(new HandshakeFailed(`the agent didn't end it within ${HANDSHAKE_TIMEOUT / 1000} s`));
      return;
    }
    if (!this.#connected) return;
    if (now >= this.#deadAt) {
      this.#fail(new ChannelLost(`nothing came for ${DEAD_AFTER / 1000} s`));
      return;
    }
    if (!this.#paused) this.#outgoing.resendOldest();
    if (now >= this.#probeAt) this.#probe(now);
  }

  /** Answers `dataKeyRequested`. */
  encrypt(key: DataKey): void {
    const plan = this.#keyRequest;
    if (plan === undefined || this.#phase !== "handshake") return;
    this.#keyRequest = undefined;
    try {
      this.#cipher = new SessionCipher(key.plaintext);
    } catch (error) {
      this.refuseEncryption(error);
      return;
    }
    this.#outgoing.send(
      PAYLOAD_TYPE.handshakeResponse,
      encodeHandshakeResponse(answerHandshake(plan, CLIENT_VERSION, key.ciphertext)),
    );
  }

  /** Answers `dataKeyRequested`: there is no key. */
  refuseEncryption(cause: unknown): void {
    this.#fail(new EncryptionFailed(`there is no data key: ${describeError(cause)}`, { cause }));
  }

  /** Without pings a paused channel has no way to ask for a sign of life, and silence says nothing. */
  get #deadAt(): number {
    return this.#paused && !this.#canPing ? Number.POSITIVE_INFINITY : this.#heardAt + DEAD_AFTER;
  }

  get #probeAt(): number {
    return Math.max(this.#heardAt, this.#probedAt) + PROBE_AFTER;
  }

  #probe(now: number): void {
    this.#probedAt = now;
    this.#canPing = this.#events.ping();
    if (!this.#canPing && !this.#paused && this.#outgoing.isIdle) this.#sendSize();
  }

  #receiveMessage(message: AgentMessage): void {
    switch (message.messageType) {
      case MESSAGE_TYPE.outputStreamData:
        this.#paused = false;
        this.#receiveOutput(message);
        break;
      case MESSAGE_TYPE.acknowledge:
        this.#paused = false;
        this.#outgoing.acknowledge(decodeAcknowledgement(message.payload).sequenceNumber);
        break;
      case MESSAGE_TYPE.channelClosed:
        this.#close(decodeChannelClosed(message.payload).output);
        break;
      case MESSAGE_TYPE.pausePublication:
        this.#paused = true;
        break;
      case MESSAGE_TYPE.startPublication:
        this.#paused = false;
        break;
      default: // Types of a later version: neither known nor acknowledged.
    }
    this.#flush();
  }

  #receiveOutput(message: AgentMessage): void {
    const arrival = this.#incoming.add(message);
    if (arrival === "dropped") return;
    if (arrival === "next")
      for (let next = this.#incoming.shift(); next; next = this.#incoming.shift()) this.#process(next);
    // A duplicate says that an acknowledgement was lost: without another one the agent would send nothing else again.
    if (this.#connected) this.#events.acknowledge(encodeAcknowledgement(message));
  }

  /** Takes a message that is next in order. What is malformed here won't be better when it is sent again. */
  #process(message: AgentMessage): void {
    try {
      this.#processPayload(message);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      const what = "the agent sent a message that can't be read";
      this.#fail(
        this.#phase === "handshake"
          ? new HandshakeFailed(what, { cause: error })
          : new ChannelLost(what, { cause: error }),
      );
    }
  }

  #processPayload({ payloadType, payload }: AgentMessage): void {
    if (this.#phase === "over") return;
    switch (payloadType) {
      case PAYLOAD_TYPE.handshakeRequest:
        if (this.#phase === "opening") this.#startHandshake(payload);
        return;
      case PAYLOAD_TYPE.encryptionChallengeRequest:
        // Later, it would make us a tool for decrypting the session's messages.
        if (this.#phase === "handshake") this.#answerChallenge(payload);
        return;
      case PAYLOAD_TYPE.handshakeComplete:
        if (this.#phase !== "handshake") return;
        if (this.#keyRequest) this.#fail(new HandshakeFailed("the agent ended it without our answer"));
        else this.#open();
        return;
    }
    if (this.#phase === "handshake") {
      this.#fail(new HandshakeFailed(`the agent sent payload type ${payloadType} before its end`));
      return;
    }
    if (this.#phase === "opening") this.#open();
    if (payloadType === PAYLOAD_TYPE.output) this.#deliver(payload, "stdout");
    else if (payloadType === PAYLOAD_TYPE.stdErr || payloadType === PAYLOAD_TYPE.error)
      this.#deliver(payload, "stderr");
    else if (payloadType === PAYLOAD_TYPE.exitCode) {
      const plaintext = this.#decrypt(payload);
      if (plaintext) this.#events.exitCode(decodeExitCode(plaintext));
    }
    // Parameters and flags belong to port sessions.
  }

  #startHandshake(payload: Uint8Array): void {
    this.#phase = "handshake";
    this.#handshakeEndsAt = this.#now() + HANDSHAKE_TIMEOUT;
    const plan = planHandshake(decodeHandshakeRequest(payload));
    if (plan.dataKey) {
      this.#keyRequest = plan;
      this.#events.dataKeyRequested(plan.dataKey);
      return;
    }
    const response = answerHandshake(plan, CLIENT_VERSION);
    this.#outgoing.send(PAYLOAD_TYPE.handshakeResponse, encodeHandshakeResponse(response));
  }

  /** Proves that we hold the key: what the agent encrypted comes back encrypted by us. */
  #answerChallenge(payload: Uint8Array): void {
    if (!this.#cipher) {
      this.#fail(new HandshakeFailed("the agent sent an encryption challenge before there was a key"));
      return;
    }
    const challenge = this.#decrypt(decodeChallenge(payload));
    if (!challenge) return;
    this.#outgoing.send(
      PAYLOAD_TYPE.encryptionChallengeResponse,
      encodeChallenge(this.#cipher.encrypt(challenge)),
    );
  }

  #open(): void {
    this.#phase = "open";
    this.#handshakeEndsAt = Number.POSITIVE_INFINITY;
    this.#sendSize();
  }

  #sendSize(): void {
    this.#outgoing.send(PAYLOAD_TYPE.size, encodeSize(this.#terminal));
  }

  #deliver(payload: Uint8Array, stream: "stdout" | "stderr"): void {
    const plaintext = this.#decrypt(payload);
    if (plaintext) this.#events.output(plaintext, stream);
  }

  #decrypt(payload: Uint8Array): Uint8Array | undefined {
    if (!this.#cipher) return payload;
    try {
      return this.#cipher.decrypt(payload);
    } catch (cause) {
      const what = "a message of the agent can't be decrypted";
      this.#fail(
        this.#phase === "handshake"
          ? new EncryptionFailed(what, { cause })
          : new ChannelLost(what, { cause }),
      );
      return undefined;
    }
  }

  #flush(): void {
    if (this.#phase !== "open" || !this.#connected || this.#paused) return;
    while (this.#held.length > 0 && this.#outgoing.hasRoom) {
      this.#sendInput(this.#held.shift()!);
    }
  }

  #sendInput(bytes: Uint8Array): void {
    this.#outgoing.send(PAYLOAD_TYPE.output, this.#cipher ? this.#cipher.encrypt(bytes) : bytes);
  }

  /** Messages of the numbered stream wait for the connection and for the peer; acknowledgements don't. */
  #transmitStream(frame: Buffer): void {
    if (this.#connected && !this.#paused) this.#events.transmit(frame);
  }

  #close(output: string): void {
    this.#phase = "over";
    this.#events.closed(output, this.#incoming.waiting > 0);
  }

  #fail(error: DbwardError): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#events.failed(error);
  }
}
