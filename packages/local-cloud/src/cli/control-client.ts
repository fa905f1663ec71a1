import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "@dbward-aws/local-account";
import type { StageStatus } from "../stage/status.ts";
import type { RunEvent } from "./run-events.ts";
import type { Run } from "./stage-files.ts";

/**
 * Follows the events of a run until its process ends or `signal` aborts. A stream that is cut while the
 * process lives, as by a timeout after this process was suspended, is taken up again where it was.
 */
export async function* followEvents(run: Run, signal?: AbortSignal): AsyncGenerator<RunEvent> {
  let seen = 0;
  for (;;) {
    let index = 0;
    for await (const event of streamEvents(run, signal)) {
      if (index++ < seen) continue;
      seen = index;
      yield event;
    }
    if (signal?.aborted || !isAlive(run.host)) return;
    await delay(RECONNECT_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}

/** All events from the first on, until the stream ends for whatever reason. */
async function* streamEvents(run: Run, signal: AbortSignal | undefined): AsyncGenerator<RunEvent> {
  try {
    const response = await ask(run, "/events", signal);
    let begun = "";
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (begun + text).split("\n");
      begun = lines.pop() ?? "";
      // An empty line only keeps the connection in use.
      for (const line of lines) if (line !== "") yield JSON.parse(line) as RunEvent;
    }
  } catch {
    // The process has ended, or the connection was cut: the caller finds out which.
  }
}

const RECONNECT_MS = 200;

/**
 * @param stage of the account, deployed or not. @default - its first one
 * @returns `undefined` while the run has no account yet, or has ended
 */
export async function fetchStatus(run: Run, stage?: string): Promise<StageStatus | undefined> {
  const query = stage === undefined ? "" : `?stage=${encodeURIComponent(stage)}`;
  try {
    const response = await ask(run, `/status${query}`, AbortSignal.timeout(STATUS_MS));
    return response.ok ? ((await response.json()) as StageStatus) : undefined;
  } catch {
    return undefined;
  }
}

function ask({ control, secret }: Run, path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`http://127.0.0.1:${control}${path}`, {
    headers: { authorization: `Bearer ${secret}` },
    ...(signal ? { signal } : {}),
  });
}

const STATUS_MS = 15_000;
