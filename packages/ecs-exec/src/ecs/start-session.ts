import { type ECSClient, ExecuteCommandCommand } from "@aws-sdk/client-ecs";
import type { Deadline, Logger } from "@dbward-aws/core";
import { SessionRefused, TargetNotConnected } from "../errors.ts";
import type { SessionAddress } from "../session/index.ts";
import type { ContainerReference } from "./container.ts";
import { explainRefusal } from "./explain-refusal.ts";

/** Milliseconds between two attempts: at first, and at most. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5_000;

/** What ECS answered: the command has been started, and waits for somebody to take its output. */
export interface StartedSession extends SessionAddress {
  readonly sessionId: string;
}

export interface StartSessionOptions extends ContainerReference {
  readonly commandLine: string;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  /** Milliseconds for which an agent that ECS can't reach is asked for again. */
  readonly connectWithin: number;
  readonly logger: Logger | undefined;
}

/**
 * Has ECS start a command line in a container.
 *
 * An agent that isn't connected yet, as in the first seconds of a task, is asked for again; each time is logged.
 *
 * @throws TargetNotConnected, AgentNotRunning, ExecNotEnabled, TaskNotFound, AccessDenied, SessionRefused
 */
export async function startSession(ecs: ECSClient, options: StartSessionOptions): Promise<StartedSession> {
  const { cluster, task, container, commandLine, deadline, signal, logger } = options;
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await ecs.send(
        new ExecuteCommandCommand({ cluster, task, container, command: commandLine, interactive: true }),
        { abortSignal: signal },
      );
      const { sessionId, streamUrl, tokenValue } = answer.session ?? {};
      if (sessionId && streamUrl && tokenValue) return { sessionId, streamUrl, tokenValue };
      throw new SessionRefused("ECS answered without the session's address");
    } catch (error) {
      if (signal.aborted || error instanceof SessionRefused) throw error;
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
    }
  }
}

function isTargetNotConnected(error: unknown): boolean {
  return error instanceof Error && error.name === "TargetNotConnectedException";
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
