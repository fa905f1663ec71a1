import type { StageStatus } from "../stage/status.ts";
import type { RunEvent } from "./run-events.ts";

/** Follows the events of a run until its process ends or `signal` aborts. */
export async function* followEvents(control: number, signal?: AbortSignal): AsyncGenerator<RunEvent> {
  try {
    const response = await fetch(`http://127.0.0.1:${control}/events`, signal ? { signal } : {});
    let begun = "";
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const lines = (begun + text).split("\n");
      begun = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line) as RunEvent;
    }
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
