import { DescribeTasksCommand, type ECSClient, type Task } from "@aws-sdk/client-ecs";
import { type SSMClient, StartSessionCommand } from "@aws-sdk/client-ssm";
import { type DbwardError, type Deadline, describeError, type Logger } from "@dbward-aws/core";
import type { ContainerReference } from "../ecs/container.ts";
import { explainTask } from "../ecs/explain-refusal.ts";
import { targetId } from "../ecs/target-id.ts";
import {
  AccessDenied,
  AgentNotRunning,
  SessionRefused,
  TargetNotConnected,
  TaskNotFound,
} from "../errors.ts";
import type { SessionAddress } from "../session/index.ts";

/** Documents of AWS for ports: of the task itself, and of a host that the task reaches. */
const DOCUMENT = {
  task: "AWS-StartPortForwardingSession",
  host: "AWS-StartPortForwardingSessionToRemoteHost",
} as const;
/** Milliseconds between two attempts: at first, and at most. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5_000;

/** What Session Manager answered. */
export interface StartedPortSession extends SessionAddress {
  readonly sessionId: string;
}

/** Which port, and how patiently it is asked for. */
export interface StartPortSessionOptions extends ContainerReference {
  readonly port: number;
  /** A host that the task reaches; `undefined` for the task itself. */
  readonly host: string | undefined;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  /** Milliseconds for which the call is repeated while the agent isn't connected. */
  readonly connectWithin: number;
  readonly logger: Logger | undefined;
}

/**
 * Makes Session Manager start a port session with a container's exec agent.
 *
 * @throws TargetNotConnected, AgentNotRunning, ExecNotEnabled, TaskNotFound, AccessDenied, SessionRefused
 */
export async function startPortSession(
  { ecs, ssm }: { readonly ecs: ECSClient; readonly ssm: SSMClient },
  options: StartPortSessionOptions,
): Promise<StartedPortSession> {
  const { task, container, deadline, signal, connectWithin, logger } = options;
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const started = await tryToStart(ecs, ssm, options).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    if ("sessionId" in started) return started;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1));
    const waited = performance.now() - startedAt;
    if (waited + pause > connectWithin || deadline.remaining < pause) throw started.giveUp(waited, attempt);
    logger?.info("port.target-not-connected", { task, container, attempt, nextAttemptInMs: pause });
    await deadline.sleep(pause);
  }
}

/** The agent isn't connected yet. */
interface NotYet {
  giveUp(waited: number, attempts: number): DbwardError;
}

async function tryToStart(
  ecs: ECSClient,
  ssm: SSMClient,
  options: StartPortSessionOptions,
): Promise<StartedPortSession | NotYet> {
  const { cluster, port, host, container, signal } = options;
  const task = await describeTask(ecs, options);
  const problem = explainTask(task, options, undefined);
  if (problem instanceof AgentNotRunning) return { giveUp: () => problem };
  if (problem) throw problem;
  const target = targetId(task, cluster, container);
  if (target === undefined)
    return { giveUp: () => new AgentNotRunning("ECS doesn't report the container's runtime id") };
  const document = host === undefined ? DOCUMENT.task : DOCUMENT.host;
  try {
    const { SessionId, StreamUrl, TokenValue } = await ssm.send(
      new StartSessionCommand({
        Target: target,
        DocumentName: document,
        Parameters: { portNumber: [String(port)], ...(host === undefined ? {} : { host: [host] }) },
      }),
      { abortSignal: signal },
    );
    if (SessionId && StreamUrl && TokenValue)
      return { sessionId: SessionId, streamUrl: StreamUrl, tokenValue: TokenValue };
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : "";
    if (name === "TargetNotConnected")
      return { giveUp: (waited, attempts) => notConnected(waited, attempts, cause) };
    if (name === "AccessDeniedException")
      throw new AccessDenied(`to start a port session: ${describeError(cause)}`, {
        cause,
        hint: `Allow the caller ssm:StartSession on the task and on the document ${document}.`,
      });
    throw new SessionRefused(`Session Manager answered ${name}: ${describeError(cause)}`, { cause });
  }
  throw new SessionRefused("Session Manager answered without the session's address");
}

async function describeTask(
  ecs: ECSClient,
  { cluster, task, signal }: StartPortSessionOptions,
): Promise<Task | undefined> {
  try {
    const answer = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] }), {
      abortSignal: signal,
    });
    return answer.tasks?.[0];
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : "";
    if (name === "ClusterNotFoundException") throw new TaskNotFound("the cluster doesn't exist", { cause });
    if (name === "AccessDeniedException")
      throw new AccessDenied(`to look at the task: ${describeError(cause)}`, {
        cause,
        hint: "Allow the caller ecs:DescribeTasks on the task.",
      });
    throw new SessionRefused(`ECS answered ${name}: ${describeError(cause)}`, { cause });
  }
}

function notConnected(waited: number, attempts: number, cause: unknown): TargetNotConnected {
  const times = attempts === 1 ? "once" : `${attempts} times`;
  return new TargetNotConnected(`for ${Math.round(waited / 1000)} s, ${times}`, { cause });
}
