import { randomUUID } from "node:crypto";
import {
  ACTION_SESSION_TYPE,
  ACTION_STATUS,
  type AgentMessage,
  decodeAcknowledgement,
  decodeHandshakeResponse,
  decodeMessage,
  decodeSize,
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
  STREAM_PAYLOAD_SIZE,
} from "@dbward-aws/ecs-exec/protocol";
import { Incoming } from "./incoming.ts";
import { PtyCommand } from "./pty-command.ts";
import { RESEND_INTERVAL_MS, Retransmission } from "./retransmission.ts";
import { splitCommand } from "./shlex.ts";
import { Utf8Scanner } from "./utf8-scanner.ts";

/** What a command runs in: the view of one container. */
export interface CommandView {
  /** The container's environment, as its processes here have it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly directory: string;
  /** A text that speaks of the container's paths and addresses, in those of this machine. */
  translate(text: string): string;
}

/** How the agent behaves. Defaults are what ECS does. */
export interface AgentBehaviour {
  /** Milliseconds before the first output of a command; 0 turns the wait off. @default 1000 */
  readonly firstOutputDelayMs?: number;
  /** Milliseconds between two messages of output; 0 turns the pause off. @default 1 */
  readonly outputPauseMs?: number;
  /** Begin with a handshake, as a cluster with a key for its sessions does. No key is asked for. @default false */
  readonly handshake?: boolean;
}

/**
 * The agent's end of one ECS Exec session: runs the command on a pty and speaks the data channel. It outlives the
 * connections that it is reached by: messages go on where they were.
 */
export class AgentSession {
  readonly #options: { sessionId: string; command: string; view: CommandView } & AgentBehaviour;
  readonly #incoming = new Incoming();
  readonly #unacknowledged = new Retransmission();
  readonly #onClosed: (closed: Buffer) => void;
  #sequenceNumber = 0;
  #send: ((frame: Buffer) => void) | undefined;
  #connected: () => void = () => undefined;
  #pty: PtyCommand | undefined;
  #answerHandshake: ((problem: string | undefined) => void) | undefined;
  #phase: "waiting" | "handshake" | "command" = "waiting";
  #resending: NodeJS.Timeout | undefined;
  #over = false;

  /** @param onClosed gets the channel_closed message, once; nothing else is sent afterwards */
  constructor(
    options: { sessionId: string; command: string; view: CommandView } & AgentBehaviour,
    onClosed: (closed: Buffer) => void,
  ) {
    this.#options = options;
    this.#onClosed = onClosed;
  }

  /**
   * Runs the command to its end; resolves when the channel is closed. Before that, the agent hears nothing of the client. A second call does
   * nothing.
   */
  async run(): Promise<void> {
    if (this.#phase !== "waiting" || this.#over) return;
    this.#phase = this.#options.handshake ? "handshake" : "command";
    this.#resending = setInterval(() => this.#resend(), RESEND_INTERVAL_MS);
    let output = "";
    try {
      await this.#begin();
      await this.#sendOutput();
      // Once when the terminal has ended, and once more before the channel is let go of.
      await this.#drain();
      await this.#drain();
    } catch (error) {
      output = error instanceof Refusal ? error.message : `\n----------ERROR-------\n${String(error)}\n\n`;
    }
    this.#close(output);
  }

  /** A client listens from now on. */
  attach(send: (frame: Buffer) => void): void {
    this.#send = send;
    this.#connected();
  }

  /** Nobody listens any more: output waits. */
  detach(): void {
    this.#send = undefined;
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

  /** Ends the command, as the end of its container does. */
  kill(): void {
    this.#answerHandshake?.("it was cancelled");
    this.#pty?.kill();
    this.#connected();
    this.#close("");
  }

  async #begin(): Promise<void> {
    if (this.#phase === "handshake") await this.#shakeHands();
    this.#phase = "command";
    const { view, command } = this.#options;
    if (command.trim() === "")
      throw new Refusal("Commands cannot be empty for session type InteractiveCommands");
    try {
      this.#startPty(command, view);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      await sleep(START_FAILURE_MS);
      throw new Refusal(`\n----------ERROR-------\nUnable to start command: ${(error as Error).message}\n\n`);
    }
  }

  /** @throws PtyStartFailed, UnbalancedCommand */
  #startPty(command: string, view: CommandView): void {
    const words = splitWords(command).map((word) => view.translate(word));
    // The agent's worker dies of a command line that has no words, but is not blank.
    if (words.length === 0) throw new Refusal("");
    const environment = {
      ...view.environment,
      TERM: "xterm-256color",
      LANG: view.environment.LANG || "C.UTF-8",
    };
    if (!this.#over) this.#pty = new PtyCommand({ words, environment, directory: view.directory });
  }

  async #shakeHands(): Promise<void> {
    const startedAt = performance.now();
    const answered = new Promise<string | undefined>((resolve) => {
      this.#answerHandshake = resolve;
    });
    const request = {
      AgentVersion: AGENT_VERSION,
      RequestedClientActions: [
        {
          ActionType: ACTION_SESSION_TYPE,
          ActionParameters: { SessionType: "InteractiveCommands", Properties: null },
        },
      ],
    };
    this.#sendStream(PAYLOAD_TYPE.handshakeRequest, encodeHandshakeRequest(request));
    const timer = setTimeout(() => this.#answerHandshake?.(HANDSHAKE_TIMED_OUT), HANDSHAKE_TIMEOUT_MS);
    const problem = await answered;
    clearTimeout(timer);
    if (problem !== undefined)
      throw new Refusal(
        `\n----------ERROR-------\nEncountered error while initiating handshake. ${problem}\n\n`,
      );
    const nanoseconds = Math.round((performance.now() - startedAt) * 1e6);
    const complete = { HandshakeTimeToComplete: nanoseconds, CustomerMessage: "" };
    this.#sendStream(PAYLOAD_TYPE.handshakeComplete, encodeHandshakeComplete(complete));
  }

  async #sendOutput(): Promise<void> {
    const { firstOutputDelayMs = 1000, outputPauseMs = 1 } = this.#options;
    await sleep(firstOutputDelayMs);
    const scanner = new Utf8Scanner();
    for (;;) {
      await this.#listener();
      if (this.#over) return;
      const bytes = await this.#pty?.read(STREAM_PAYLOAD_SIZE);
      if (!bytes) return;
      const payload = scanner.push(bytes);
      if (payload.length > 0) this.#sendStream(PAYLOAD_TYPE.output, payload);
      await sleep(outputPauseMs);
    }
  }

  /** The agent stops reading the pty while nobody listens. */
  async #listener(): Promise<void> {
    while (!this.#send && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#connected = resolve;
      });
    }
  }

  /** The agent waits a little for what is still on its way. */
  async #drain(): Promise<void> {
    const until = performance.now() + DRAIN_MS;
    while (!this.#unacknowledged.empty && !this.#over && performance.now() < until) await sleep(5);
  }

  #receiveInput(message: AgentMessage): void {
    const isReady = this.#phase === "handshake" || this.#pty !== undefined;
    const { acknowledge, ready } = this.#incoming.receive(message, isReady);
    for (const next of ready) this.#process(next);
    if (acknowledge) this.#send?.(encodeAcknowledgement(message));
  }

  /** Before the handshake is complete the agent acknowledges everything and keeps nothing but the answer. */
  #process({ payloadType, payload }: AgentMessage): void {
    if (payloadType === PAYLOAD_TYPE.handshakeResponse) {
      const response = read(payload, decodeHandshakeResponse);
      const refused = response?.ProcessedClientActions.find(
        ({ ActionStatus }) => ActionStatus !== ACTION_STATUS.success,
      );
      if (response)
        this.#answerHandshake?.(
          refused &&
            `${refused.ActionType} failed on client with status ${refused.ActionStatus} error: ${refused.Error}`,
        );
    } else if (this.#phase === "handshake") {
      return;
    } else if (payloadType === PAYLOAD_TYPE.output) {
      this.#pty?.write(payload);
    } else if (payloadType === PAYLOAD_TYPE.size) {
      const size = read(payload, decodeSize);
      if (size) this.#pty?.resize(size.cols, size.rows);
    }
  }

  #sendStream(payloadType: PayloadType, payload: Buffer): void {
    const sequenceNumber = this.#sequenceNumber++;
    const frame = encodeMessage({
      messageType: MESSAGE_TYPE.outputStreamData,
      sequenceNumber,
      flags: sequenceNumber === 0 ? FRAME_FLAGS.syn : FRAME_FLAGS.none,
      payloadType,
      payload,
    });
    this.#unacknowledged.sent(sequenceNumber, frame, performance.now());
    this.#send?.(frame);
  }

  #resend(): void {
    if (!this.#send) return;
    const frame = this.#unacknowledged.due(performance.now());
    if (frame) this.#send(frame);
  }

  #close(output: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#resending);
    this.#pty?.kill();
    const { sessionId } = this.#options;
    const closed = { sessionId, output, messageId: randomUUID(), createdDate: new Date() };
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
/** Milliseconds that the agent lets pass before it tells that a command can't be started. */
const START_FAILURE_MS = 2_000;
const HANDSHAKE_TIMED_OUT =
  "Handshake timed out. Please ensure that you have the latest version of the session manager plugin.";

/** The session ends before there is a terminal; the message is the text of channel_closed. */
class Refusal extends Error {
  override readonly name = "Refusal";
}

function splitWords(command: string): string[] {
  try {
    return splitCommand(command);
  } catch (error) {
    throw new Error(`Failed to parse commands input: ${(error as Error).message}`);
  }
}

/** What can't be read is ignored, as if it had never come. */
function read<T>(bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined {
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof MalformedFrame) return undefined;
    throw error;
  }
}

/** Nothing to wait for is no wait at all: not even a turn of the event loop. */
async function sleep(milliseconds: number): Promise<void> {
  if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
