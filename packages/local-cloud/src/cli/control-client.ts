import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { StageStatus } from "../stage/status.ts";
import type { RunEvent } from "./run-events.ts";

/** Follows the events of a run until its process ends or `signal` aborts. */
export async function* followEvents(control: number, signal?: AbortSignal): AsyncGenerator<RunEvent> {
  try {
    const response = await fetch(`http://127.0.0.1:${control}/events`, signal ? { signal } : {});
    if (!response.body) return;
    const lines = createInterface({ input: Readable.fromWeb(response.body as ReadableStream) });
    for await (const line of lines) yield JSON.parse(line) as RunEvent;
  } catch {
    // Its process has ended, or nobody listens any more: the caller sees it by the last event.
  }
}

/** @returns `undefined` while the run has no account yet, or has ended */
export async function fetchStatus(control: number): Promise<StageStatus | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${control}/status`, {
      signal: AbortSignal.timeout(STATUS_MS),
    });
    return response.ok ? ((await response.json()) as StageStatus) : undefined;
  } catch {
    return undefined;
  }
}

const STATUS_MS = 15_000;
