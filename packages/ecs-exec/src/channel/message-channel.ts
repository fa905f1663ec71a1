import { randomUUID } from "node:crypto";
import { type DbwardError, describeError } from "@dbward-aws/core";
import {
  type AgentMessage,
  decodeAcknowledgement,
  decodeChallenge,
  decodeChannelClosed,
  decodeHandshakeRequest,
  decodeMessage,
  encodeAcknowledgement,
  encodeChallenge,
  encodeHandshakeResponse,
  encodeOpenDataChannel,
  type HandshakeRequest,
  MalformedFrame,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
} from "../protocol/index.ts";
import { ChannelLost, EncryptionFailed, HandshakeFailed } from "./errors.ts";
import { answerHandshake, type DataKey, type DataKeyRequest, planHandshake } from "./handshake.ts";
import { ReorderBuffer, type ReorderLimits } from "./reorder-buffer.ts";
import { Retransmitter, type Window } from "./retransmitter.ts";
import { SessionCipher } from "./session-cipher.ts";

/**
 * The version sent to the agent: that of the first plugin that signs its requests. Agents treat plugins up to
 * 1.2.295 as outdated, and send keep-alive messages on port sessions of plugins up to 1.2.331.
 */
export const CLIENT_VERSION = "1.2.764.0";

/** Milliseconds; the agent itself gives up 15 s after its request. */
const HANDSHAKE_TIMEOUT = 20_000;
/** Milliseconds of silence after which the peer is probed, and after which the connection counts as dead. */
const PROBE_AFTER = 15_000;
const DEAD_AFTER = 45_000;
/** Malformed frames after which the session fails. The agent sends an occasional damaged frame again. */
const MAX_MALFORMED = 100;

/** Events of a channel, handled by the owner of its socket. */
export interface LinkEvents {
  /** Sends a frame: text for the first of a connection, bytes for all others. */
  transmit(frame: string | Buffer): void;
  /** Sends an acknowledgement. It may be delayed a little, since nothing waits for it. */
  acknowledge(frame: Buffer): void;
  /** The agent asks for an encrypted session: call `encrypt` or `refuseEncryption`. */
  dataKeyRequested(request: DataKeyRequest): void;
  /**
   * The service ended the session.
   * @param output empty at a normal end, else the agent's error text
   * @param missing messages that are known to be lost before the end
   */
  closed(output: string, missing: boolean): void;
  /** The session has failed. No event follows. */
  failed(error: DbwardError): void;
  /**
   * Sends a WebSocket ping.
   * @returns `false` where the socket can't: then a message that must be acknowledged is sent instead
   */
  ping(): boolean;
  /**
   * The connection is dead although it wasn't closed: call `disconnected`.
   * @default - the session counts as lost
   */
  silent?(reason: string): void;
}

/** The session that the channel carries: a terminal or a port. */
export interface ChannelContent {
  /** `required`: a session that begins with anything else is refused. */
  readonly handshake: "optional" | "required";
  /** @returns why a session that begins with this request can't be used, if so */
  refuse?(request: HandshakeRequest): string | undefined;
  /** Messages can be sent from now on. */
  opened(): void;
  /**
   * A message of the agent in order, each once, decrypted. May throw MalformedFrame, which ends the session.
   */
  message(payloadType: number, payload: Uint8Array): void;
  /** There may be room for more messages than before. */
  room(): void;
  /** Sends a message that the peer has to acknowledge. */
  probe(): void;
}

/** How a {@link MessageChannel} is made. */
export interface MessageChannelOptions {
  /** Milliseconds on a clock that doesn't go back. */
  readonly now: () => number;
  readonly events: LinkEvents;
  readonly content: ChannelContent;
  readonly window: Window;
  readonly reorderLimits?: ReorderLimits;
}

/**
 * The client's side of the Session Manager data channel, without I/O and without a clock of its own: its
 * owner passes in frames, connections and the passing of time, and handles its events.
 */
export class MessageChannel {
  readonly #now: () => number;
  readonly #events: LinkEvents;
  readonly #content: ChannelContent;
  readonly #clientId = randomUUID();
  readonly #incoming: ReorderBuffer;
  readonly #outgoing: Retransmitter;
  #phase: "opening" | "handshake" | "open" | "over" = "opening";
  #handshakeEndsAt = Number.POSITIVE_INFINITY;
  #keyRequest: ReturnType<typeof planHandshake> | undefined;
  #cipher: SessionCipher | undefined;
  #connected = false;
  #paused = false;
  #isReadingPaused = false;
  #canPing = false;
  #malformed = 0;
  #heardAt = 0;
  #probedAt = 0;

  constructor(options: MessageChannelOptions) {
    this.#now = options.now;
    this.#events = options.events;
    this.#content = options.content;
    this.#incoming = new ReorderBuffer(options.reorderLimits);
    this.#outgoing = new Retransmitter(this.#now, (frame) => this.#transmitStream(frame), options.window);
  }

  get phase(): "opening" | "handshake" | "open" | "over" {
    return this.#phase;
  }

  /**
   * Time at which {@link tick} must be called, on the clock of the options; `undefined`: not before the next
   * event.
   */
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

  /** Whether a message can be sent that is not urgent. */
  get hasRoom(): boolean {
    return this.#phase === "open" && this.#connected && !this.#paused && this.#outgoing.hasRoom;
  }

  /** Whether everything that was sent has arrived at the agent. */
  get isIdle(): boolean {
    return this.#outgoing.isIdle;
  }

  /**
   * Milliseconds for which the agent has acknowledged nothing although the connection is alive; 0 when
   * nothing waits for it. It reads nothing while its target doesn't.
   */
  get unansweredFor(): number {
    const since = this.#outgoing.waitingSince;
    return since !== undefined && this.#connected && !this.#isReadingPaused ? this.#now() - since : 0;
  }

  /**
   * A socket is open: the first one, or a new one after {@link disconnected}. Numbers go on where they were.
   */
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
    this.#content.room();
  }

  /** The socket is gone: everything is kept for the next one. */
  disconnected(): void {
    this.#connected = false;
  }

  /**
   * Call it when reading from the socket pauses, or continues: while it is paused, silence doesn't mean that
   * the peer is dead.
   */
  pauseReading(isPaused: boolean): void {
    if (this.#isReadingPaused && !isPaused) this.#heardAt = this.#now();
    this.#isReadingPaused = isPaused;
  }

  /** The peer gave a sign of life that is not a message, such as a pong. */
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

  /** Sends a message, whether or not there is room for it. Only those of type `output` are encrypted. */
  send(payloadType: number, payload: Uint8Array): void {
    const isSecret = this.#cipher !== undefined && payloadType === PAYLOAD_TYPE.output;
    this.#outgoing.send(payloadType, isSecret ? this.#cipher!.encrypt(payload) : payload);
  }

  /** Call it when the session has no handshake. */
  open(): void {
    this.#phase = "open";
    this.#handshakeEndsAt = Number.POSITIVE_INFINITY;
    this.#content.opened();
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
      const reason = `nothing came for ${DEAD_AFTER / 1000} s`;
      if (this.#events.silent) this.#events.silent(reason);
      else this.#fail(new ChannelLost(reason));
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

  /** Without pings, a paused channel can't probe its peer, so silence doesn't mean that the peer is dead. */
  get #deadAt(): number {
    return this.#isReadingPaused || (this.#paused && !this.#canPing)
      ? Number.POSITIVE_INFINITY
      : this.#heardAt + DEAD_AFTER;
  }

  get #probeAt(): number {
    return Math.max(this.#heardAt, this.#probedAt) + PROBE_AFTER;
  }

  #probe(now: number): void {
    this.#probedAt = now;
    this.#canPing = this.#events.ping();
    if (!this.#canPing && !this.#paused && this.#outgoing.isIdle) this.#content.probe();
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
    this.#content.room();
  }

  #receiveOutput(message: AgentMessage): void {
    const arrival = this.#incoming.add(message);
    if (arrival === "dropped") return;
    if (arrival === "next")
      for (let next = this.#incoming.shift(); next; next = this.#incoming.shift()) this.#process(next);
    // A duplicate means that an acknowledgement was lost: without another one the agent would send nothing
    // else again.
    if (this.#connected) this.#events.acknowledge(encodeAcknowledgement(message));
  }

  /** Takes a message that is next in order. What is malformed here won't be better when it is sent again. */
  #process(message: AgentMessage): void {
    try {
      this.#processPayload(message);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      const what = `the agent sent a message that can't be read: ${error.what}`;
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
        else this.open();
        return;
    }
    if (this.#phase === "handshake") {
      this.#fail(new HandshakeFailed(`the agent sent payload type ${payloadType} before its end`));
      return;
    }
    if (this.#phase === "opening") {
      if (this.#content.handshake === "required") {
        this.#fail(new HandshakeFailed(`the agent began with payload type ${payloadType} instead of it`));
        return;
      }
      this.open();
    }
    const isSecret = ENCRYPTED_TYPES.has(payloadType);
    const plaintext = isSecret ? this.#decrypt(payload) : payload;
    if (plaintext) this.#content.message(payloadType, plaintext);
  }

  #startHandshake(payload: Uint8Array): void {
    this.#phase = "handshake";
    this.#handshakeEndsAt = this.#now() + HANDSHAKE_TIMEOUT;
    const request = decodeHandshakeRequest(payload);
    const refusal = this.#content.refuse?.(request);
    if (refusal !== undefined) {
      this.#fail(new HandshakeFailed(refusal));
      return;
    }
    const plan = planHandshake(request);
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

/** Payload types that the agent encrypts in an encrypted session; all others stay clear. */
const ENCRYPTED_TYPES: ReadonlySet<number> = new Set([
  PAYLOAD_TYPE.output,
  PAYLOAD_TYPE.stdErr,
  PAYLOAD_TYPE.error,
  PAYLOAD_TYPE.exitCode,
]);
