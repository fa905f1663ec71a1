import { type ECSClient, ExecuteCommandCommand, type ExecuteCommandCommandOutput } from "@aws-sdk/client-ecs";
import { type Deadline, describeError, type Logger } from "@dbward-aws/core";
import { ChannelLost } from "../channel/index.ts";
import { SessionRefused, TargetNotConnected } from "../errors.ts";
import type { SessionAddress } from "../session/index.ts";
import type { ContainerReference } from "./container.ts";
import { explainRefusal } from "./explain-refusal.ts";

/** Milliseconds between two attempts: at first, and at most. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5_000;

/** A session that ECS has started, with the command running in it. */
export interface StartedSession extends SessionAddress {
  readonly sessionId: string;
}

export interface StartSessionOptions extends ContainerReference {
  readonly commandLine: string;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  /** Milliseconds for which the call is repeated while ECS can't reach the agent. */
  readonly connectWithin: number;
  /** Called before ECS is asked for the first time. */
  readonly onAsk?: () => void;
  readonly logger: Logger | undefined;
}

/**
 * Makes ECS start a command line in a container.
 *
 * While the agent isn't connected, as in the first seconds of a task, the call is repeated; each repetition
 * is logged.
 *
 * @throws TargetNotConnected, AgentNotRunning, ExecNotEnabled, TaskNotFound, AccessDenied, SessionRefused:
 * the command was not started
 * @throws ChannelLost when it is unknown whether the command was started
 */
export async function startSession(ecs: ECSClient, options: StartSessionOptions): Promise<StartedSession> {
  const { cluster, task, container, commandLine, deadline, signal, onAsk, logger } = options;
  const startedAt = performance.now();
  await requireCredentials(ecs);
  signal.throwIfAborted();
  onAsk?.();
  for (let attempt = 1; ; attempt++) {
    let answer: ExecuteCommandCommandOutput;
    try {
      answer = await ecs.send(
        new ExecuteCommandCommand({ cluster, task, container, command: commandLine, interactive: true }),
        { abortSignal: signal },
      );
    } catch (error) {
      if (signal.aborted) throw error;
      if (wasNotSent(error))
        throw new SessionRefused(`ECS can't be reached: ${describeError(error)}`, { cause: error });
      if (!isRefusal(error))
        throw new ChannelLost(`ECS gave no clear answer to ExecuteCommand: ${describeError(error)}`, {
          cause: error,
        });
      if (!isTargetNotConnected(error)) throw await explainRefusal(ecs, options, error, signal);
      const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1));
      const waited = performance.now() - startedAt;
      if (waited + pause > options.connectWithin || deadline.remaining < pause)
        throw new TargetNotConnected(`for ${Math.round(waited / 1000)} s, ${times(attempt)}`, {
          cause: error,
        });
      logger?.info("exec.target-not-connected", { task, container, attempt, nextAttemptInMs: pause });
      await deadline.sleep(pause);
      signal.throwIfAborted();
      continue;
    }
    const { sessionId, streamUrl, tokenValue } = answer.session ?? {};
    if (sessionId && streamUrl && tokenValue) return { sessionId, streamUrl, tokenValue };
    throw new ChannelLost("ECS answered without the session's address");
  }
}

/** Without credentials nothing is sent, unlike after other errors of the SDK. */
async function requireCredentials(ecs: ECSClient): Promise<void> {
  try {
    await ecs.config.credentials();
  } catch (error) {
    throw new SessionRefused(`there are no AWS credentials: ${describeError(error)}`, { cause: error });
  }
}

/** What the SDK adds to an error, of which its types are silent for errors of the network. */
interface SdkError extends Error {
  readonly $fault?: "client" | "server";
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  readonly code?: string;
}

/**
 * ECS refused the only request. When the SDK had sent an earlier one, whose answer got lost, that one may
 * have started the command.
 */
function isRefusal(error: unknown): boolean {
  const { $fault, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode ?? 0;
  return $fault !== "server" && status >= 400 && status < 500 && isFirstAttempt(error);
}

/** There was no connection at all. */
function wasNotSent(error: unknown): boolean {
  const code = (error as SdkError).code ?? "";
  return (
    ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"].includes(code) &&
    isFirstAttempt(error)
  );
}

function isFirstAttempt(error: unknown): boolean {
  return ((error as SdkError).$metadata?.attempts ?? 1) === 1;
}

function isTargetNotConnected(error: unknown): boolean {
  return error instanceof Error && error.name === "TargetNotConnectedException";
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
