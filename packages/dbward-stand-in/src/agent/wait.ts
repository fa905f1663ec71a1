import { setTimeout as delay } from "node:timers/promises";

/** Waits; an abort of `signal` ends the wait. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(Math.min(Math.max(0, ms), 2 ** 31 - 1), undefined, signal ? { signal } : {}).catch(
    () => undefined,
  );
}
