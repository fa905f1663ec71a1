import type { PollFailureReason } from "@dbward-aws/contract";
import { Deadline } from "@dbward-aws/core";
import {
  type AgentSnapshot,
  type DbwardClient,
  DbwardRequestError,
  type Readiness,
  type ServerCounts,
  ServerUnreachableError,
  TokenRefusedError,
} from "@dbward-aws/dbward-client";
import { TaskCountError, TokenUnavailableError } from "./errors.ts";
import type { TaskCounts } from "./task-counts.ts";
import type { TokenSource } from "./token-source.ts";

/** Sources of a snapshot. */
export interface SnapshotSources {
  readonly server: DbwardClient;
  readonly tokens: TokenSource;
  /** @default - ECS is not called */
  readonly countTasks?: (deadline: Deadline) => Promise<TaskCounts>;
}

/** A source that failed. */
export interface PollFailure {
  readonly source: "token" | "ready" | "agents" | "metrics" | "ecs";
  readonly reason: PollFailureReason;
  readonly error: DbwardRequestError | TokenUnavailableError | TaskCountError;
}

/** The answers of all sources. A missing answer is among the failures. */
export interface Snapshot {
  readonly takenAt: Date;
  readonly durationMs: number;
  readonly ready?: Readiness;
  readonly agents?: readonly AgentSnapshot[];
  readonly counts?: ServerCounts;
  readonly tasks?: TaskCounts;
  readonly failures: readonly PollFailure[];
}

/**
 * Queries all sources at the same time. When the server refuses the token, the secret is read again, and the
 * server is queried once more if the secret has another token by now.
 *
 * @throws only errors of the poller itself
 */
export async function takeSnapshot(sources: SnapshotSources, deadline: Deadline): Promise<Snapshot> {
  const takenAt = new Date();
  const start = performance.now();
  const { server, countTasks } = sources;
  const [ready, protectedAnswers, tasks] = await Promise.all([
    attempt("ready", () => queryTwice((within) => server.ready({ deadline: within }), deadline)),
    queryWithToken(sources, deadline),
    countTasks ? attempt("ecs", () => countTasks(deadline)) : ({} as Attempt<TaskCounts>),
  ]);
  const { agents, counts, token } = protectedAnswers;
  const attempts = [token, ready, agents, counts, tasks];
  return {
    takenAt,
    durationMs: performance.now() - start,
    ...withoutUndefined({
      ready: ready.value,
      agents: agents?.value,
      counts: counts?.value,
      tasks: tasks.value,
    }),
    failures: attempts.flatMap((each) => each?.failure ?? []),
  };
}

/** The result of one query: one of the two, or neither when it was not made. */
interface Attempt<T> {
  readonly value?: T;
  readonly failure?: PollFailure;
}

interface ProtectedAnswers {
  readonly token?: Attempt<string>;
  readonly agents?: Attempt<AgentSnapshot[]>;
  readonly counts?: Attempt<ServerCounts>;
}

async function queryWithToken(
  { server, tokens }: SnapshotSources,
  deadline: Deadline,
): Promise<ProtectedAnswers> {
  const ask = async (token: string): Promise<ProtectedAnswers> => {
    const [agents, counts] = await Promise.all([
      attempt("agents", () => queryTwice((within) => server.agents({ token, deadline: within }), deadline)),
      attempt("metrics", () => queryTwice((within) => server.counts({ token, deadline: within }), deadline)),
    ]);
    return { agents, counts };
  };
  const token = await attempt("token", () => tokens.get(deadline));
  if (token.value === undefined) return { token };
  const refused = token.value;
  const first = await ask(refused);
  if (!wasRefused(first.agents) && !wasRefused(first.counts)) return first;
  const renewed = await attempt("token", () => tokens.renew(refused, deadline));
  if (renewed.failure) return { ...first, token: { failure: renewed.failure } };
  return renewed.value === undefined ? first : ask(renewed.value);
}

/** Milliseconds between two attempts. */
const RETRY_MS = 250;

/**
 * Queries the server, and once more when there is no answer: one lost connection is not an outage, but an
 * alarm would go off at the first poll that reports it. The first attempt may take half of the time.
 */
async function queryTwice<T>(ask: (deadline: Deadline) => Promise<T>, deadline: Deadline): Promise<T> {
  try {
    return await ask(Deadline.after(deadline.remaining / 2, deadline.signal));
  } catch (error) {
    if (!(error instanceof ServerUnreachableError)) throw error;
    await deadline.sleep(RETRY_MS);
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
function withoutUndefined<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
