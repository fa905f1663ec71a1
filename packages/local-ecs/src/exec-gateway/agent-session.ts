import { randomUUID } from "node:crypto";
import {
  ACTION_SESSION_TYPE,
  ACTION_STATUS,
  type AgentMessage,
  decodeAcknowledgement,
  decodeHandshakeResponse,
  decodeMessage,
  encodeAcknowledgement,
  encodeChannelClosed,
  encodeHandshakeComplete,
  encodeHandshakeRequest,
  encodeMessage,
  FRAME_FLAGS,
  MalformedFrame,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
  type PayloadType,
} from "@dbward-aws/ecs-exec/protocol";
import { Incoming } from "./incoming.ts";
import { RESEND_INTERVAL_MS, Retransmission } from "./retransmission.ts";

/** How the agent behaves. Defaults are what ECS does. */
export interface AgentBehaviour {
  /** Milliseconds before the first output of a command; 0 turns the wait off. @default 1000 */
  readonly firstOutputDelayMs?: number;
  /** Milliseconds between two messages of output; 0 turns the pause off. @default 1 */
  readonly outputPauseMs?: number;
  /**
   * Begin with a handshake, as a cluster with a key for its sessions does. No key is asked for.
   * @default false - port sessions have one in any case
   */
  readonly handshake?: boolean;
  /** What the agent calls itself in a handshake. @default "3.3.0.0" */
  readonly agentVersion?: string;
  /**
   * Milliseconds after the handshake in which a port session takes no input, and doesn't acknowledge it.
   * @default 0
   */
  readonly notReadyMs?: number;
  /** Milliseconds that the connection to a port takes. The agent makes one at a time. @default 0 */
  readonly dialDelayMs?: number;
}

/** Where an agent's messages go while there is a client. */
export interface ClientLine {
  send(frame: Buffer): void;
  /** The client doesn't read: the agent waits, as its own connection's buffers do. */
  isCongested(): boolean;
}

/**
 * The agent's end of one session: speaks the data channel. It outlives the connections that it is reached by:
 * messages go on where they were. What the session is for is added by its subclasses.
 */
export abstract class AgentSession {
  readonly #sessionId: string;
  readonly #behaviour: AgentBehaviour;
  readonly #incoming = new Incoming();
  readonly #unacknowledged = new Retransmission();
  readonly #onClosed: (closed: Buffer) => void;
  #sequenceNumber = 0;
  #client: ClientLine | undefined;
  #connected: () => void = () => undefined;
  #answerHandshake: ((problem: string | undefined) => void) | undefined;
  #phase: "waiting" | "handshake" | "running" = "waiting";
  #resending: NodeJS.Timeout | undefined;
  #over = false;
  #clientVersion = "";

  /** @param onClosed gets the channel_closed message, once; nothing else is sent afterwards */
  constructor(sessionId: string, behaviour: AgentBehaviour, onClosed: (closed: Buffer) => void) {
    this.#sessionId = sessionId;
    this.#behaviour = behaviour;
    this.#onClosed = onClosed;
  }

  /** What is done after the handshake, until it has nothing more to send. */
  protected abstract perform(): Promise<void>;
  /** A message of the client, in order, each once. */
  protected abstract take(message: AgentMessage): void;
  /** Whether {@link take} can be called; until then messages are neither taken nor acknowledged. */
  protected abstract get isReady(): boolean;
  /** Lets go of everything. */
  protected abstract stop(): void;
  /** Type and properties of a session that begins with a handshake. */
  protected abstract readonly handshake: { readonly type: string; readonly properties: unknown } | undefined;

  /** The client's, as it said in the handshake. */
  protected get clientVersion(): string {
    return this.#clientVersion;
  }

  /** The channel is closed. */
  protected get over(): boolean {
    return this.#over;
  }

  /**
   * Runs the session to its end; resolves when the channel is closed. Before that, the agent gets no message
   * of the client. A second call does nothing.
   */
  async run(): Promise<void> {
    if (this.#phase !== "waiting" || this.#over) return;
    this.#phase = this.handshake ? "handshake" : "running";
    this.#resending = setInterval(() => this.#resend(), RESEND_INTERVAL_MS);
    let output = "";
    try {
      if (this.handshake) await this.#shakeHands(this.handshake);
      this.#phase = "running";
      await this.perform();
      // Once when there is nothing more to send, and once more before the channel is let go of.
      await this.#drain();
      await this.#drain();
    } catch (error) {
      output = error instanceof Refusal ? error.message : `\n----------ERROR-------\n${String(error)}\n\n`;
    }
    this.#close(output);
  }

  /** A client listens from now on. */
  attach(client: ClientLine): void {
    this.#client = client;
    this.#connected();
  }

  /** Nobody listens any more: output waits. */
  detach(): void {
    this.#client = undefined;
  }

  /** Takes one message of the client. */
  receive(frame: Buffer): void {
    const message = read(frame, (bytes) => decodeMessage(bytes, { checkDigest: false }));
    if (!message || this.#over || this.#phase === "waiting") return;
    if (message.messageType === MESSAGE_TYPE.acknowledge) {
      const acknowledgement = read(message.payload, decodeAcknowledgement);
      if (acknowledgement)
        this.#unacknowledged.acknowledged(acknowledgement.sequenceNumber, performance.now());
    } else if (message.messageType === MESSAGE_TYPE.inputStreamData) {
      this.#receiveInput(message);
    }
  }

  /** Ends the session, as the end of its container does. */
  kill(): void {
    this.#answerHandshake?.("it was cancelled");
    this.stop();
    this.#connected();
    this.#close("");
  }

  /** Sends the next message of the stream. */
  protected send(payloadType: PayloadType, payload: Buffer): void {
    const sequenceNumber = this.#sequenceNumber++;
    const frame = encodeMessage({
      messageType: MESSAGE_TYPE.outputStreamData,
      sequenceNumber,
      flags: sequenceNumber === 0 ? FRAME_FLAGS.syn : FRAME_FLAGS.none,
      payloadType,
      payload,
    });
    this.#unacknowledged.sent(sequenceNumber, frame, performance.now());
    this.#client?.send(frame);
  }

  /** Resolves when a client is connected or the session is over: output waits for that. */
  protected async listener(): Promise<void> {
    while (!this.#over && this.#client?.isCongested() !== false) {
      if (this.#client) await sleep(CONGESTION_MS);
      else
        await new Promise<void>((resolve) => {
          this.#connected = resolve;
        });
    }
  }

  async #shakeHands({ type, properties }: { readonly type: string; readonly properties: unknown }) {
    const startedAt = performance.now();
    const answered = new Promise<string | undefined>((resolve) => {
      this.#answerHandshake = resolve;
    });
    const request = {
      AgentVersion: this.#behaviour.agentVersion ?? AGENT_VERSION,
      RequestedClientActions: [
        {
          ActionType: ACTION_SESSION_TYPE,
          ActionParameters: { SessionType: type, Properties: properties },
        },
      ],
    };
    this.send(PAYLOAD_TYPE.handshakeRequest, encodeHandshakeRequest(request));
    const timer = setTimeout(() => this.#answerHandshake?.(HANDSHAKE_TIMED_OUT), HANDSHAKE_TIMEOUT_MS);
    const problem = await answered;
    clearTimeout(timer);
    if (problem !== undefined)
      throw new Refusal(
        `\n----------ERROR-------\nEncountered error while initiating handshake. ${problem}\n\n`,
      );
    const nanoseconds = Math.round((performance.now() - startedAt) * 1e6);
    const complete = { HandshakeTimeToComplete: nanoseconds, CustomerMessage: "" };
    this.send(PAYLOAD_TYPE.handshakeComplete, encodeHandshakeComplete(complete));
  }

  /** The agent waits a little for what is still on its way. */
  async #drain(): Promise<void> {
    const until = performance.now() + DRAIN_MS;
    while (!this.#unacknowledged.empty && !this.#over && performance.now() < until) await sleep(5);
  }

  #receiveInput(message: AgentMessage): void {
    const isReady = this.#phase === "handshake" || this.isReady;
    const { acknowledge, ready } = this.#incoming.receive(message, isReady);
    for (const next of ready) this.#process(next);
    if (acknowledge) this.#client?.send(encodeAcknowledgement(message));
  }

  /** Before the handshake is complete the agent acknowledges everything and keeps nothing but the answer. */
  #process(message: AgentMessage): void {
    if (message.payloadType === PAYLOAD_TYPE.handshakeResponse) {
      const response = read(message.payload, decodeHandshakeResponse);
      if (!response) return;
      this.#clientVersion = response.ClientVersion;
      const refused = response.ProcessedClientActions.find(
        ({ ActionStatus }) => ActionStatus !== ACTION_STATUS.success,
      );
      this.#answerHandshake?.(
        refused &&
          `${refused.ActionType} failed on client with status ${refused.ActionStatus} error: ${refused.Error}`,
      );
    } else if (this.#phase !== "handshake") this.take(message);
  }

  #resend(): void {
    if (!this.#client || this.#client.isCongested()) return;
    const frame = this.#unacknowledged.due(performance.now());
    if (frame) this.#client.send(frame);
  }

  #close(output: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#resending);
    this.stop();
    const closed = {
      sessionId: this.#sessionId,
      output,
      messageId: randomUUID(),
      createdDate: new Date(),
    };
    this.#onClosed(
      encodeMessage({
        messageType: MESSAGE_TYPE.channelClosed,
        sequenceNumber: 0,
        flags: FRAME_FLAGS.synFin,
        payload: encodeChannelClosed(closed),
      }),
    );
  }
}

const AGENT_VERSION = "3.3.0.0";
const HANDSHAKE_TIMEOUT_MS = 15_000;
const DRAIN_MS = 2_000;
/** Milliseconds between two looks whether the client reads again. */
const CONGESTION_MS = 2;
const HANDSHAKE_TIMED_OUT =
  "Handshake timed out. Please ensure that you have the latest version of the session manager plugin.";

/** The session ends; the message is the text of channel_closed. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** What can't be read is ignored, as if it had never come. */
export function read<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof MalformedFrame) return undefined;
    throw error;
  }
}

/** Nothing to wait for is no wait at all: not even a turn of the event loop. */
export async function sleep(milliseconds: number): Promise<void> {
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
