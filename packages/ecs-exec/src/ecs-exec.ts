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
/** Milliseconds for the request to end a session that was given up. */
const TERMINATE_WITHIN = 5_000;
/** Runs of a read-only command, the first one included. */
const MAX_RUNS = 3;

/** What an {@link EcsExec} works with. */
export interface EcsExecOptions {
  /**
   * Needs `ecs:ExecuteCommand`; `ecs:DescribeTasks` makes errors more precise, and encrypted sessions need it. Its credentials sign the request that
   * opens a session's socket.
   */
  readonly ecs: ECSClient;
  /** @default - the runtime's own WebSocket; where it has none, that of the package `ws` */
  readonly webSocket?: WebSocketConstructor;
  /** For clusters that encrypt their sessions: `kmsDataKeys(new KMSClient())`. @default - such sessions fail */
  readonly kms?: DataKeySource;
  /**
   * Takes up sessions that lost their socket, and ends those that are given up: `ssmResumer(new SSMClient())`. @default - they count as lost,
   * and keep one of their container's two places for up to 20 minutes
   */
  readonly ssm?: SessionResumer;
  /** Gets a line for each repeated attempt; never output of a command. @default - nothing is logged */
  readonly logger?: Logger;
}

/** A command line to run as it is, on a terminal. */
export interface OpenRequest extends ContainerReference {
  /** ECS splits it into words and starts it without a shell. */
  readonly commandLine: string;
  /** Until when the session must be open; it may live on after that. */
  readonly deadline: Deadline;
  /** Types ^C and lets go of the session when it aborts. */
  readonly signal?: AbortSignal;
  /** Size of the terminal. @default 300 columns, 100 rows */
  readonly terminal?: TerminalSize;
  /** See {@link ExecRequest}. @default 60000 */
  readonly connectWithin?: number;
  /** Bytes of output that may wait to be read. @default 64 MiB */
  readonly maxOutputBytes?: number;
  /**
   * The cluster encrypts no sessions, so that input may go out before any output has come: needed only for a command
   * that is silent until it is spoken to. @default false
   */
  readonly withoutHandshake?: boolean;
}

/** Output as it comes, and what is known at the end. */
export interface ExecStream extends AsyncIterable<Uint8Array> {
  /** Rejects with what the iteration throws. */
  readonly outcome: Promise<ExecOutcome>;
}

/**
 * Runs commands in the containers of ECS tasks, through `ecs:ExecuteCommand` and the Session Manager data channel,
 * without AWS CLI and session-manager-plugin.
 *
 * ECS gives every command a terminal, which rewrites output and hides exit codes; {@link execute} and {@link stream}
 * frame the command so that its output arrives exactly, and with its exit code. A container's agent runs two sessions at a
 * time; a third begins when one of them has ended.
 */
export class EcsExec {
  readonly #options: EcsExecOptions;

  constructor(options: EcsExecOptions) {
    this.#options = options;
  }

  /**
   * Runs a command to its end. Its session ends on the agent's side a round trip after that, without being waited for.
   *
   * When the deadline passes or `signal` aborts, the command is sent ^C, and waited for up to 2 s longer.
   *
   * @throws TargetNotConnected, AgentNotRunning, ExecNotEnabled, TaskNotFound, AccessDenied, SessionRefused,
   * CommandNotStarted, EncryptionFailed, ToolsMissing, InputTooLarge, InputTruncated: the command was not run
   * @throws ChannelLost, HandshakeFailed, OutputTruncated, OutputTooLarge: whether it ran, and to which end, is not known
   * @throws Timeout when the deadline passes: its `fate` says what is known of the command
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
   * Runs a command, and hands its output out as it comes. Only the end of the iteration says that it was all of it: a
   * reader that must not act on a part waits for it. A read-only command is run again only as long as none of its
   * output has been handed out. Leaving the loop early interrupts the command.
   *
   * Throws what {@link execute} does, at the end of what could be read.
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
   * Opens a session with a command line as it is: its terminal's output comes unchanged, with everything that a
   * terminal does to it, and there is no exit code.
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

  /** Ends a session that was given up, as far as that is allowed: the reason why it was matters more. */
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
  /** ECS is about to be asked: from here on the command may be started. */
  readonly onAsk: () => void;
  readonly onOutput: OutputListener;
}

/** Where the output of a command goes that may have to be run again. */
interface OutputSink {
  /** May throw to end the command. */
  take(bytes: Uint8Array): void;
  /** @returns whether what was taken could be forgotten */
  startAgain(): boolean;
}

const NEVER = new AbortController().signal;

function mayRunAgain(error: unknown, readOnly: boolean): boolean {
  // A command whose input arrived damaged was not run at all.
  if (error instanceof InputTruncated) return true;
  return readOnly && (error instanceof ChannelLost || error instanceof OutputTruncated);
}

/** The caller's own signal speaks for itself; else the deadline has passed, if anything has. */
function explainAbort(
  { deadline, signal }: { readonly deadline: Deadline; readonly signal?: AbortSignal },
  error: unknown,
  doing: string,
  fate: CommandFate,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (!deadline.signal.aborted) return error;
  const { reason } = deadline.signal;
  // A deadline can also be ended early, by the signal that it was made with.
  return reason instanceof DOMException && reason.name === "TimeoutError"
    ? new Timeout(doing, fate, { cause: error })
    : reason;
}
