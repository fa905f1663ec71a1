import { randomUUID } from "node:crypto";
import {
  type AgentMessage,
  decodeChannelClosed,
  decodeMessage,
  encodeAcknowledgement,
  encodeMessage,
  encodeOpenDataChannel,
  MESSAGE_TYPE,
  PAYLOAD_TYPE,
} from "@dbward-aws/ecs-exec/protocol";
import { WebSocket } from "ws";
import type { ExecSession } from "../exec-gateway.ts";

/** How a {@link RawClient} treats what it gets. */
export interface RawClientOptions {
  /** Acknowledges a message. @default - all of them */
  readonly acknowledges?: (message: AgentMessage, seen: number) => boolean;
  readonly onMessage?: (message: AgentMessage, client: RawClient) => void;
}

/** A client of the data channel that shows every frame and does nothing clever. */
export class RawClient {
  /** Every frame that came, in the order of arrival. */
  readonly messages: AgentMessage[] = [];
  /** The agent's text in channel_closed; `undefined` when the connection ended without it. */
  closed: string | undefined;
  /** Resolves when the channel is open and input can be sent. */
  readonly opened: Promise<void>;
  /** Resolves when the connection has ended. */
  readonly ended: Promise<void>;
  readonly #socket: WebSocket;
  #sequenceNumber = 0;

  constructor(session: ExecSession, options: RawClientOptions = {}) {
    this.#socket = new WebSocket(session.streamUrl);
    this.opened = new Promise((resolve) => {
      this.#socket.on("open", () => {
        this.#socket.send(
          encodeOpenDataChannel({
            tokenValue: session.tokenValue,
            requestId: randomUUID(),
            clientId: randomUUID(),
            clientVersion: "1.2.650.0",
          }),
        );
        resolve();
      });
    });
    this.#socket.on("message", (data: Buffer) => this.#receive(decodeMessage(data), options));
    this.ended = new Promise((resolve) => {
      this.#socket.on("close", () => resolve());
      this.#socket.on("error", () => resolve());
    });
  }

  /** Output of the command, in sequence, each message once. */
  get output(): string {
    const bySequence = new Map(
      this.messages
        .filter((it) => it.payloadType === PAYLOAD_TYPE.output)
        .map((it) => [it.sequenceNumber, it.payload]),
    );
    const inOrder = [...bySequence].sort(([left], [right]) => left - right).map(([, payload]) => payload);
    return Buffer.concat(inOrder).toString("latin1");
  }

  /** Sends input as the next message of the stream. */
  send(payload: string | Buffer, payloadType: number = PAYLOAD_TYPE.output): void {
    this.#socket.send(
      encodeMessage({
        messageType: MESSAGE_TYPE.inputStreamData,
        sequenceNumber: this.#sequenceNumber++,
        payloadType,
        payload: Buffer.from(payload),
      }),
    );
  }

  /** Waits until the command's output is what the test waits for. */
  async seen(condition: (output: string) => boolean): Promise<void> {
    while (!condition(this.output)) {
      if (this.#socket.readyState === WebSocket.CLOSED)
        throw new Error(`The session ended with ${this.output}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Cuts the connection. */
  cut(): void {
    this.#socket.terminate();
  }

  #receive(message: AgentMessage, { acknowledges = () => true, onMessage }: RawClientOptions): void {
    this.messages.push(message);
    if (message.messageType === MESSAGE_TYPE.channelClosed)
      this.closed = decodeChannelClosed(message.payload).output;
    if (message.messageType === MESSAGE_TYPE.outputStreamData) {
      const seen = this.messages.filter((it) => it.sequenceNumber === message.sequenceNumber).length;
      if (acknowledges(message, seen)) this.#socket.send(encodeAcknowledgement(message));
    }
    onMessage?.(message, this);
  }
}
