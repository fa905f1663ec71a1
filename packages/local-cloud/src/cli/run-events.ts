import type { ProgressEvent } from "../stage/progress.ts";

/** An event of the process that hosts the stage. */
export type RunEvent =
  | ProgressEvent
  /** Everything is deployed; `problems` lists services that don't run, with the reasons. */
  | { readonly kind: "ready"; readonly milliseconds: number; readonly problems?: readonly string[] }
  /** The start failed; the process ends. */
  | { readonly kind: "failed-start"; readonly message: string };

/** Keeps all events of a run, for followers that come later. */
export class RunEvents {
  readonly #events: RunEvent[] = [];
  readonly #listeners = new Set<(event: RunEvent) => void>();

  add(event: RunEvent): void {
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Calls `listener` with all events so far and then with each new one. @returns what stops it */
  follow(listener: (event: RunEvent) => void): () => void {
    for (const event of this.#events) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
