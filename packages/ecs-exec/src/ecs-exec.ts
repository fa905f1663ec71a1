import type { ECSClient } from "@aws-sdk/client-ecs";
import type { Deadline, Logger } from "@dbward-aws/core";
import { ByteQueue } from "./byte-queue.ts";
import { ChannelLost, DATA_KEY_LENGTH } from "./channel/index.ts";
import type { DataKeySource } from "./data-key-source.ts";
import type { ContainerReference } from "./ecs/container.ts";
import { signUpgrade } from "./ecs/sign-upgrade.ts";
import { startSession } from "./ecs/start-session.ts";
import { findTargetId } from "./ecs/target-id.ts";
import { CommandFailed, type CommandFate, OutputTooLarge, Timeout } from "./errors.ts";
import type { ExecOutcome, ExecRequest, ExecResult } from "./exec-request.ts";
import { checkInput, InputTruncated, OutputTruncated } from "./framing/index.ts";
import type { TerminalSize } from "./protocol/index.ts";
import { RawSession } from "./raw-session.ts";
import { Interrupted, runFramed } from "./run-framed.ts";
import {
  defaultWebSocket,
  ExecSession,
  type OutputListener,
  type SessionResumer,
  type WebSocketConstructor,
} from "./session/index.ts";
import { quoteWords } from "./shell-quote.ts";

const DEFAULT_CONNECT_WITHIN = 60_000;
const DEFAULT_MAX_OUTPUT = 64 * 1024 * 1024;
/** Milliseconds for the request that terminates an abandoned session. */
const TERMINATE_WITHIN = 5_000;
/** Runs of a read-only command, the first one included. */
const MAX_RUNS = 3;

/** Options of {@link EcsExec}. */
export interface EcsExecOptions {
  /**
   * Needs `ecs:ExecuteCommand`; `ecs:DescribeTasks` makes errors more precise, and encrypted sessions need
   * it. Its credentials sign the request that opens a session's socket.
   */
  readonly ecs: ECSClient;
  /** @default - the runtime's own WebSocket; where it has none, that of the package `ws` */
  readonly webSocket?: WebSocketConstructor;
  /**
   * For clusters that encrypt their sessions: `kmsDataKeys(new KMSClient())`.
   * @default - such sessions fail
   */
  readonly kms?: DataKeySource;
  /**
   * Resumes sessions that lost their connection, and terminates abandoned ones: `ssmResumer(new
   * SSMClient())`. @default - a session that loses its connection fails, and occupies one of its container's
   * two places for up to 20 minutes
   */
  readonly ssm?: SessionResumer;
  /** Receives a line for each repeated attempt; never output of a command. @default - nothing is logged */
  readonly logger?: Logger;
}

/** A command line to run on a terminal, unchanged. */
export interface OpenRequest extends ContainerReference {
  /** ECS splits it into words and starts it without a shell. */
  readonly commandLine: string;
  /** When the session must be open; it may outlive that. */
  readonly deadline: Deadline;
  /** When it aborts, ^C is sent and the session is closed. */
  readonly signal?: AbortSignal;
  /** Size of the terminal. @default 300 columns, 100 rows */
  readonly terminal?: TerminalSize;
  /** See {@link ExecRequest}. @default 60000 */
  readonly connectWithin?: number;
  /** Bytes of output that may wait to be read. @default 64 MiB */
  readonly maxOutputBytes?: number;
  /**
   * The cluster encrypts no sessions, so input may be sent before any output has arrived: needed only for a
   * command that writes nothing until it reads. @default false
   */
  readonly withoutHandshake?: boolean;
}

/** Output as it arrives, and the outcome of the command. */
export interface ExecStream extends AsyncIterable<Uint8Array> {
  /** Rejects with what the iteration throws. */
  readonly outcome: Promise<ExecOutcome>;
}

/**
 * Runs commands in the containers of ECS tasks, through `ecs:ExecuteCommand` and the Session Manager data
 * channel, without AWS CLI and session-manager-plugin.
 *
 * ECS gives every command a terminal, which rewrites output and hides exit codes; {@link execute} and {@link
 * stream} frame the command so that its output arrives exactly, and with its exit code. A container's agent
 * runs two sessions at a time; a third begins when one of them has ended.
 */
export class EcsExec {
  readonly #options: EcsExecOptions;

  constructor(options: EcsExecOptions) {
    this.#options = options;
  }

  /**
   * Runs a command to its end. Its session ends on the agent's side one round trip later; the call doesn't
   * wait for that.
   *
   * When the deadline passes or `signal` aborts, the command is sent ^C, and waited for up to 2 s longer.
   *
   * @throws TargetNotConnected, AgentNotRunning, ExecNotEnabled, TaskNotFound, AccessDenied, SessionRefused,
   * CommandNotStarted, EncryptionFailed, ToolsMissing, InputTooLarge, InputTruncated: the command was not run
   * @throws ChannelLost, HandshakeFailed, OutputTruncated, OutputTooLarge: whether it ran, and how it ended,
   * is unknown
   * @throws Timeout when the deadline passes: `fate` is what is known of the command
   * @throws CommandFailed when `requireSuccess` is set and its exit code isn't 0
   * @throws the reason of `signal` when that aborts; the command may still run
   */
  async execute(request: ExecRequest): Promise<ExecResult> {
    const limit = request.maxOutputBytes ?? DEFAULT_MAX_OUTPUT;
    let chunks: Uint8Array[] = [];
    let length = 0;
    const outcome = await this.#run(request, {
      take: (bytes) => {
        length += bytes.length;
        if (length > limit) throw new OutputTooLarge(limit);
        chunks.push(bytes);
      },
      startAgain: () => {
        chunks = [];
        length = 0;
        return true;
      },
    });
    return { ...outcome, stdout: Buffer.concat(chunks, length) };
  }

  /**
   * Runs a command and yields its output as it arrives. Only the end of the iteration proves that the output
   * is complete. A read-only command is run again only while none of its output has been yielded. Leaving the
   * loop early interrupts the command.
   *
   * Throws what {@link execute} throws, after the output that could be read.
   */
  stream(request: ExecRequest): ExecStream {
    const left = new AbortController();
    const queue = new ByteQueue(request.maxOutputBytes ?? DEFAULT_MAX_OUTPUT, () => left.abort());
    const signal = request.signal ? AbortSignal.any([request.signal, left.signal]) : left.signal;
    let hasOutput = false;
    const outcome = this.#run(
      { ...request, signal },
      {
        take: (bytes) => {
          hasOutput = true;
          queue.push(bytes);
        },
        startAgain: () => !hasOutput,
      },
    );
    outcome.then(
      () => queue.end(),
      (error: unknown) => queue.end(error),
    );
    return { outcome, [Symbol.asyncIterator]: () => queue };
  }

  /**
   * Opens a session that runs a command line unchanged, as a user's terminal does: the output is what the
   * terminal shows, and there is no exit code.
   *
   * @throws what {@link execute} throws before the command runs
   */
  async open(request: OpenRequest): Promise<RawSession> {
    const signal = request.signal ?? NEVER;
    const opening = AbortSignal.any([request.deadline.signal, signal]);
    const queue = new ByteQueue(request.maxOutputBytes ?? DEFAULT_MAX_OUTPUT, () => session?.close());
    let session: ExecSession | undefined;
    let isAsked = false;
    try {
      session = await this.#open(request, request.commandLine, {
        opening,
        signal,
        onAsk: () => {
          isAsked = true;
        },
        onOutput: (bytes) => {
          try {
            queue.push(bytes);
          } catch (error) {
            queue.end(error);
            session?.close();
          }
        },
      });
    } catch (error) {
      throw explainAbort(request, error, "opening the session", isAsked ? "unknown" : "not-run");
    }
    const opened = new RawSession(session, queue);
    const cancel = () => opened.cancel();
    request.signal?.addEventListener("abort", cancel, { once: true });
    const { sessionId } = session;
    opened.ended.then(
      () => request.signal?.removeEventListener("abort", cancel),
      () => {
        request.signal?.removeEventListener("abort", cancel);
        void this.#terminate(sessionId);
      },
    );
    return opened;
  }

  async #run(request: ExecRequest, sink: OutputSink): Promise<ExecOutcome> {
    const { deadline, readOnly = false } = request;
    const stdin = typeof request.stdin === "string" ? Buffer.from(request.stdin) : request.stdin;
    if (stdin) checkInput(stdin);
    const script = request.script ?? quoteWords(request.command);
    const signal = AbortSignal.any([deadline.signal, request.signal ?? NEVER]);
    let isAsked = false;
    const onAsk = () => {
      isAsked = true;
    };
    for (let attempt = 1; ; attempt++) {
      let sessionId = "";
      try {
        const completion = await runFramed({
          script,
          stdin,
          signal,
          onStdout: sink.take,
          open: async (commandLine, onOutput) => {
            const session = await this.#open(request, commandLine, {
              opening: signal,
              signal,
              onAsk,
              onOutput,
            });
            sessionId = session.sessionId;
            return session;
          },
        });
        if (request.requireSuccess && completion.exitCode !== 0)
          throw new CommandFailed(completion.exitCode, completion.stderr);
        return { ...completion, sessionId, attempts: attempt };
      } catch (error) {
        if (!(error instanceof CommandFailed)) await this.#terminate(sessionId);
        if (signal.aborted) {
          const isInterrupted = error instanceof Interrupted && error.hasEnded;
          const fate = isInterrupted ? "interrupted" : isAsked ? "unknown" : "not-run";
          throw explainAbort(request, error, "waiting for the command to end", fate);
        }
        if (attempt >= MAX_RUNS || !mayRunAgain(error, readOnly) || !sink.startAgain()) throw error;
        const { task, container } = request;
        this.#options.logger?.warn("exec.run-again", { task, container, attempt, error });
      }
    }
  }

  async #open(
    request: OpenRequest | ExecRequest,
    commandLine: string,
    { opening, signal, onAsk, onOutput }: Opening,
  ): Promise<ExecSession> {
    opening.throwIfAborted();
    const { ecs, kms, ssm, logger } = this.#options;
    const { cluster, task, container, deadline } = request;
    const raw: Partial<OpenRequest> = "commandLine" in request ? request : {};
    const [webSocket, started] = await Promise.all([
      this.#options.webSocket ?? defaultWebSocket(),
      startSession(ecs, {
        cluster,
        task,
        container,
        commandLine,
        deadline,
        signal: opening,
        connectWithin: request.connectWithin ?? DEFAULT_CONNECT_WITHIN,
        onAsk,
        logger,
      }),
    ]);
    const { sessionId } = started;
    const session = ExecSession.open({
      ...started,
      webSocket,
      sign: (streamUrl) => signUpgrade(ecs, streamUrl),
      opening,
      signal,
      resumer: ssm,
      terminal: raw.terminal,
      withoutHandshake: raw.withoutHandshake,
      onOutput,
      dataKey:
        kms &&
        (async ({ keyId, challenge }, keySignal) =>
          kms.generate(
            {
              keyId,
              numberOfBytes: DATA_KEY_LENGTH,
              encryptionContext: {
                "aws:ssm:SessionId": sessionId,
                "aws:ssm:TargetId": await findTargetId(ecs, request, keySignal),
                ...(challenge === undefined ? {} : { "aws:ssm:RandomChallenge": challenge }),
              },
            },
            keySignal,
          )),
    });
    return session.catch(async (error: unknown) => {
      await this.#terminate(sessionId);
      throw error;
    });
  }

  /** Terminates an abandoned session. A failure is only logged: the error that led here matters more. */
  async #terminate(sessionId: string): Promise<void> {
    const { ssm, logger } = this.#options;
    if (!ssm || sessionId === "") return;
    await ssm.terminate(sessionId, AbortSignal.timeout(TERMINATE_WITHIN)).catch((error: unknown) => {
      logger?.warn("exec.not-terminated", { sessionId, error });
    });
  }
}

/** How a session is opened for one of the ways to run a command. */
interface Opening {
  /** Bounds the opening. */
  readonly opening: AbortSignal;
  /** Bounds the session's life. */
  readonly signal: AbortSignal;
  /** Called before the request to ECS: from then on the command may be started. */
  readonly onAsk: () => void;
  readonly onOutput: OutputListener;
}

/** Receives the output of a command that may be run again. */
interface OutputSink {
  /** May throw to end the command. */
  take(bytes: Uint8Array): void;
  /** @returns whether the output so far could be discarded */
  startAgain(): boolean;
}

const NEVER = new AbortController().signal;

function mayRunAgain(error: unknown, readOnly: boolean): boolean {
  // A command whose input arrived damaged was not run.
  if (error instanceof InputTruncated) return true;
  return readOnly && (error instanceof ChannelLost || error instanceof OutputTruncated);
}

/** The error for an abort: the reason of the caller's signal, or a Timeout when the deadline has passed. */
function explainAbort(
  { deadline, signal }: { readonly deadline: Deadline; readonly signal?: AbortSignal },
  error: unknown,
  doing: string,
  fate: CommandFate,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (!deadline.signal.aborted) return error;
  const { reason } = deadline.signal;
  // The signal that a deadline was made with can end it early.
  return reason instanceof DOMException && reason.name === "TimeoutError"
    ? new Timeout(doing, fate, { cause: error })
    : reason;
}
