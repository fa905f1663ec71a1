import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** What a load is made of. */
export interface LoadOptions {
  /** Base URL of the server. */
  readonly url: string;
  /** Token of who makes the requests. */
  readonly requester: string;
  /** Tokens of the agents, each of which serves one environment of the database `app`. */
  readonly agents: readonly { readonly token: string; readonly environment: string }[];
  /** Milliseconds between two polls of an agent. */
  readonly pollMs: number;
  /** Requests that are made in a minute. */
  readonly perMinute: number;
  readonly seconds: number;
}

/** What came of a load. */
export interface LoadResult {
  /** Requests that were made, and those of them whose result is with the server. */
  readonly made: number;
  readonly executed: number;
  /** Milliseconds that the server took for each new request. */
  readonly createMs: readonly number[];
  /** Milliseconds from the begin of the call that makes a request to the answer for its result. */
  readonly executeMs: readonly number[];
  /** Calls that the server didn't answer with success. */
  readonly failed: number;
  /** Seconds from the first request to the last result. */
  readonly seconds: number;
}

/** New requests under way at a time: a server that is too slow gets fewer than it should. */
const MOST_CALLS = 500;
/** For requests that are still under way after the last one was made. */
const REST_MS = 60_000;

/**
 * Makes requests at an even rate, which agents execute at once, by dbward's API: polls, claims and results.
 * One process is all of them.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { url, requester, agents, pollMs, perMinute, seconds } = options;
  const http = new Agent({ keepAlive: true });
  const begun = new Map<string, number>();
  const [createMs, executeMs]: [number[], number[]] = [[], []];
  const claimed = new Set<string>();
  let failed = 0;
  let isOver = false;
  const call = async <T>(token: string, path: string, body?: object): Promise<T | undefined> => {
    try {
      const { status, text } = await post(http, url + path, token, body);
      if (status >= 200 && status < 300) return JSON.parse(text) as T;
    } catch {
      // counts as failed
    }
    failed++;
    return undefined;
  };

  const execute = async (token: string, id: string) => {
    const claim = await call<{ execution_id: string }>(token, `/api/agent/jobs/${id}/claim`);
    if (!claim) return;
    const done = await call(token, `/api/agent/jobs/${claim.execution_id}/result`, RESULT);
    if (done) executeMs.push(performance.now() - begun.get(id)!);
  };
  const beAgent = async (agent: LoadOptions["agents"][number], index: number) => {
    await delay((pollMs * index) / agents.length);
    while (!isOver) {
      const at = performance.now();
      const polled = await call<{ jobs: { id: string }[] }>(agent.token, "/api/agent/poll", poll(agent));
      const jobs = (polled?.jobs ?? []).filter(({ id }) => begun.has(id) && !claimed.has(id));
      for (const { id } of jobs) claimed.add(id);
      await Promise.all(jobs.map(({ id }) => execute(agent.token, id)));
      await delay(Math.max(0, pollMs - (performance.now() - at)));
    }
  };
  const make = async (index: number) => {
    const { environment } = agents[index % agents.length]!;
    const at = performance.now();
    const body = { database: "app", environment, detail: "select 1" };
    const made = await call<{ id: string }>(requester, "/api/requests", body);
    if (!made) return;
    createMs.push(performance.now() - at);
    begun.set(made.id, at);
  };

  const working = agents.map(beAgent);
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  const making = new Set<Promise<void>>();
  for (let begun = 0; elapsed() < seconds * 1000; await delay(5))
    while (begun < (elapsed() / 60_000) * perMinute && making.size < MOST_CALLS) {
      const made = make(begun++).then(() => void making.delete(made));
      making.add(made);
    }
  await Promise.all(making);
  const last = performance.now() + REST_MS;
  while (executeMs.length < createMs.length && performance.now() < last) await delay(5);
  const end = performance.now();
  isOver = true;
  await Promise.all(working);
  http.destroy();
  return {
    made: createMs.length,
    executed: executeMs.length,
    createMs,
    executeMs,
    failed,
    seconds: (end - start) / 1000,
  };
}

/** An answer of the database for `select 1`. */
const RESULT = {
  success: true,
  result_data: JSON.stringify({ rows: [{ one: 1 }], truncated: false, truncation_reason: null }),
};

function poll({ environment }: { readonly environment: string }): object {
  return {
    capabilities: { scopes: [{ database: "app", environment }] },
    limit: 10,
    agent_version: "0.2.0",
    status: {
      in_flight: 0,
      in_flight_preflight: 0,
      max_concurrent: 10,
      draining: false,
      uptime_secs: 60,
      active_jobs: [],
    },
  };
}

/** A call with JSON. */
export function post(
  agent: Agent,
  url: string,
  token: string,
  body?: object,
): Promise<{ readonly status: number; readonly text: string }> {
  const text = body === undefined ? "" : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: "POST",
        agent,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body && { "content-type": "application/json" }),
          "content-length": Buffer.byteLength(text),
        },
      },
      async (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => void chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(text);
  });
}
