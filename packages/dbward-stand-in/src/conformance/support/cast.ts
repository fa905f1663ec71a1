import { afterAll, beforeAll, expect } from "vitest";
import type { Answer, Api } from "./api.ts";
import { type RunningServer, type ServerOptions, ServerSandbox } from "./server.ts";

/**
 * Who makes a call: `nobody` has no token, `roleless` a user without a role, `agent` the bootstrap agent
 * token.
 */
export type Caller =
  | "nobody"
  | "admin"
  | "requester"
  | "approver"
  | "operator"
  | "poller"
  | "roleless"
  | "agent";

const ROLES = {
  requester: ["requester"],
  approver: ["approver"],
  operator: ["operator"],
  poller: ["cloudwatch-metrics"],
  roleless: [],
} as const;

/** One server for a file of expectations, and one caller of each kind. */
export class Cast {
  server!: RunningServer;
  readonly callers = new Map<Caller, Api>();

  /** Calls of a caller. */
  as(caller: Caller): Api {
    return this.callers.get(caller)!;
  }
}

/** Starts a server before the tests of a file, and ends it behind them. */
export function useServer(options: ServerOptions = {}): Cast {
  const cast = new Cast();
  let sandbox: ServerSandbox;
  beforeAll(async () => {
    sandbox = await ServerSandbox.create();
    const server = await sandbox.start(options);
    cast.server = server;
    cast.callers.set("nobody", server.as(undefined));
    cast.callers.set("admin", await server.admin());
    cast.callers.set("agent", await server.agent());
    for (const [caller, roles] of Object.entries(ROLES))
      cast.callers.set(caller as Caller, await server.user(roles));
  });
  afterAll(() => sandbox?.dispose());
  return cast;
}

/** One call and what comes back. */
export interface Expectation {
  /** @default - the caller and the call */
  readonly name?: string;
  readonly as: Caller;
  /** Method and path. */
  readonly call: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: {
    readonly body?: string;
    readonly type?: string;
    readonly headers?: Record<string, string>;
  };
  readonly status: number;
  /** The `code` of a refusal. */
  readonly code?: string;
  /** Members that the answer must have; it may have others. */
  readonly answer?: object;
  /** The whole body. */
  readonly text?: string | RegExp;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Titles of expectations for `it.each`. */
export function titled(expectations: readonly Expectation[]): [string, Expectation][] {
  return expectations.map((each) => [
    `${each.name === undefined ? "" : `${each.name}: `}${each.as}, ${each.call}: ${each.status}`,
    each,
  ]);
}

/** Makes the call and holds the answer against the expectation. */
export async function holds(cast: Cast, expectation: Expectation): Promise<Answer> {
  const [method, path] = expectation.call.split(" ") as [string, string];
  const { body, raw } = expectation;
  const answer = await cast
    .as(expectation.as)
    .send(
      method,
      path,
      raw ?? (body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" }),
    );
  const description = `${answer.call}: ${answer.status} ${answer.text}`;
  expect(answer.status, description).toBe(expectation.status);
  expect(answer.headers.get("x-dbward-version"), description).toBe("0.2.0");
  if (expectation.code !== undefined) expect(answer.json?.code, description).toBe(expectation.code);
  if (expectation.answer !== undefined) expect(answer.json, description).toMatchObject(expectation.answer);
  if (typeof expectation.text === "string") expect(answer.text).toBe(expectation.text);
  if (expectation.text instanceof RegExp) expect(answer.text).toMatch(expectation.text);
  for (const [name, value] of Object.entries(expectation.headers ?? {}))
    expect(answer.headers.get(name), description).toBe(value);
  return answer;
}

/** A UUID. */
export const ID = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
/** A token. */
export const TOKEN = expect.stringMatching(/^dbw_[0-9a-f]{32}$/);
/** The 8 digits after `dbw_` by which answers identify tokens. */
export const PREFIX = expect.stringMatching(/^[0-9a-f]{8}$/);
/** RFC 3339 in UTC. */
export const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|\+00:00)$/);
