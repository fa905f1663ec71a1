import type { PollFailureReason } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import {
  type AgentSnapshot,
  type DbwardClient,
  DbwardRequestError,
  type Readiness,
  type RequestCounts,
  ServerUnreachableError,
  TokenRefusedError,
} from "@dbward-aws/dbward-client";
import { TaskCountError, TokenUnavailableError } from "./errors.ts";
import type { TaskCounts } from "./task-counts.ts";
import type { TokenSource } from "./token-source.ts";

/** Whom a snapshot asks. */
export interface SnapshotSources {
  readonly server: DbwardClient;
  readonly tokens: TokenSource;
  /** @default - ECS isn't asked */
  readonly countTasks?: (deadline: Deadline) => Promise<TaskCounts>;
}

/** A question that brought no answer of use. */
export interface PollFailure {
  readonly source: "token" | "ready" | "agents" | "metrics" | "ecs";
  readonly reason: PollFailureReason;
  readonly error: DbwardRequestError | TokenUnavailableError | TaskCountError;
}

/** What one poll found out; what is missing was not answered, and is among the failures. */
export interface Snapshot {
  readonly takenAt: Date;
  readonly durationMs: number;
  readonly ready?: Readiness;
  readonly agents?: readonly AgentSnapshot[];
  readonly requests?: RequestCounts;
  readonly tasks?: TaskCounts;
  readonly failures: readonly PollFailure[];
}

/**
 * Asks everybody at the same time, the server with the token that is at hand. When it refuses that, the secret is read
 * again, and asked once more if it holds another one.
 *
 * @throws only what is a fault of the poller itself
 */
export async function takeSnapshot(sources: SnapshotSources, deadline: Deadline): Promise<Snapshot> {
  const takenAt = new Date();
  const start = performance.now();
  const { server, countTasks } = sources;
  const [ready, protectedAnswers, tasks] = await Promise.all([
    attempt("ready", () => askTwice((within) => server.ready({ deadline: within }), deadline)),
    askWithToken(sources, deadline),
    countTasks ? attempt("ecs", () => countTasks(deadline)) : ({} as Attempt<TaskCounts>),
  ]);
  const { agents, requests, token } = protectedAnswers;
  const attempts = [token, ready, agents, requests, tasks];
  return {
    takenAt,
    durationMs: performance.now() - start,
    ...whereThere({
      ready: ready.value,
      agents: agents?.value,
      requests: requests?.value,
      tasks: tasks.value,
    }),
    failures: attempts.flatMap((each) => each?.failure ?? []),
  };
}

/** What came of one question: one of the two, or neither when it wasn't asked. */
interface Attempt<T> {
  readonly value?: T;
  readonly failure?: PollFailure;
}

interface ProtectedAnswers {
  readonly token?: Attempt<string>;
  readonly agents?: Attempt<AgentSnapshot[]>;
  readonly requests?: Attempt<RequestCounts>;
}

async function askWithToken(
  { server, tokens }: SnapshotSources,
  deadline: Deadline,
): Promise<ProtectedAnswers> {
  const ask = async (token: string): Promise<ProtectedAnswers> => {
    const [agents, requests] = await Promise.all([
      attempt("agents", () => askTwice((within) => server.agents({ token, deadline: within }), deadline)),
      attempt("metrics", () =>
        askTwice((within) => server.requestCounts({ token, deadline: within }), deadline),
      ),
    ]);
    return { agents, requests };
  };
  const token = await attempt("token", () => tokens.get(deadline));
  if (token.value === undefined) return { token };
  const refused = token.value;
  const first = await ask(refused);
  if (!wasRefused(first.agents) && !wasRefused(first.requests)) return first;
  const renewed = await attempt("token", () => tokens.renew(refused, deadline));
  if (renewed.failure) return { ...first, token: { failure: renewed.failure } };
  return renewed.value === undefined ? first : ask(renewed.value);
}

/** Milliseconds between two tries. */
const TRY_AGAIN_MS = 250;

/**
 * Asks the server, and once more when no answer came: a single lost connection is not an outage, and an alarm rings at the
 * first poll that reports one. The first try gets half of the time.
 */
async function askTwice<T>(ask: (deadline: Deadline) => Promise<T>, deadline: Deadline): Promise<T> {
  try {
    return await ask(Deadline.after(deadline.remaining / 2, deadline.signal));
  } catch (error) {
    if (!(error instanceof ServerUnreachableError)) throw error;
    await deadline.sleep(TRY_AGAIN_MS);
    if (deadline.passed) throw error;
  }
  return ask(deadline);
}

function wasRefused(attempt: Attempt<unknown> | undefined): boolean {
  return attempt?.failure?.error instanceof TokenRefusedError;
}

async function attempt<T>(source: PollFailure["source"], ask: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (
      error instanceof DbwardRequestError ||
      error instanceof TokenUnavailableError ||
      error instanceof TaskCountError
    )
      return { failure: { source, reason: error.reason, error } };
    throw error;
  }
}

/** The fields that have a value. */
function whereThere<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
