import {
  type AgentMessage,
  decodeSize,
  PAYLOAD_TYPE,
  STREAM_PAYLOAD_SIZE,
} from "@dbward-aws/ecs-exec/protocol";
import { type AgentBehaviour, AgentSession, Refusal, read, sleep } from "./agent-session.ts";
import { PtyCommand } from "./pty-command.ts";
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

/** What a {@link CommandSession} runs. */
export interface CommandSessionOptions extends AgentBehaviour {
  readonly sessionId: string;
  readonly command: string;
  readonly view: CommandView;
}

/** The agent's end of one ECS Exec session: runs the command on a pty. */
export class CommandSession extends AgentSession {
  protected readonly handshake: { readonly type: string; readonly properties: unknown } | undefined;
  readonly #options: CommandSessionOptions;
  #pty: PtyCommand | undefined;

  constructor(options: CommandSessionOptions, onClosed: (closed: Buffer) => void) {
    super(options.sessionId, options, onClosed);
    this.#options = options;
    this.handshake = options.handshake ? { type: "InteractiveCommands", properties: null } : undefined;
  }

  protected override get isReady(): boolean {
    return this.#pty !== undefined;
  }

  protected override async perform(): Promise<void> {
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
    await this.#sendOutput();
  }

  protected override take({ payloadType, payload }: AgentMessage): void {
    if (payloadType === PAYLOAD_TYPE.output) this.#pty?.write(payload);
    else if (payloadType === PAYLOAD_TYPE.size) {
      const size = read(payload, decodeSize);
      if (size) this.#pty?.resize(size.cols, size.rows);
    }
  }

  protected override stop(): void {
    this.#pty?.kill();
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
    if (!this.over) this.#pty = new PtyCommand({ words, environment, directory: view.directory });
  }

  /** The agent stops reading the pty while no client is connected. */
  async #sendOutput(): Promise<void> {
    const { firstOutputDelayMs = 1000, outputPauseMs = 1 } = this.#options;
    await sleep(firstOutputDelayMs);
    const scanner = new Utf8Scanner();
    for (;;) {
      await this.listener();
      if (this.over) return;
      const bytes = await this.#pty?.read(STREAM_PAYLOAD_SIZE);
      if (!bytes) return;
      const payload = scanner.push(bytes);
      if (payload.length > 0) this.send(PAYLOAD_TYPE.output, payload);
      await sleep(outputPauseMs);
    }
  }
}

/** Milliseconds after which the agent reports that a command can't be started. */
const START_FAILURE_MS = 2_000;

function splitWords(command: string): string[] {
  try {
    return splitCommand(command);
  } catch (error) {
    throw new Error(`Failed to parse commands input: ${(error as Error).message}`);
  }
}
