import { EventEmitter } from "node:events";

/** What an execution ended with, for those who wait for it. */
export interface Outcome {
  readonly executionId: string;
  readonly success: boolean;
  /** What the agent sent, undefined for a failure. */
  readonly data: string | undefined;
  readonly rowsAffected: number | null;
  readonly error: string | null;
}

/** Tells waiting calls what happens to requests. */
export class RequestEvents {
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #outcomes = new EventEmitter().setMaxListeners(0);

  /** The status of a request is another one. */
  changed(requestId: string): void {
    this.#changes.emit(requestId);
  }

  ended(requestId: string, outcome: Outcome): void {
    this.#outcomes.emit(requestId, outcome);
  }

  /** Sends everybody away who waits for an outcome. */
  stop(): void {
    for (const name of this.#outcomes.eventNames()) this.#outcomes.emit(name, undefined);
  }

  /** Resolves at the next change. @param limit what ends the wait otherwise: gets a function to call */
  nextChange(requestId: string, limit: Limit): Promise<void> {
    return this.#next(this.#changes, requestId, limit) as Promise<void>;
  }

  /** The next outcome, undefined when the wait was ended. */
  nextOutcome(requestId: string, limit: Limit): Promise<Outcome | undefined> {
    return this.#next(this.#outcomes, requestId, limit) as Promise<Outcome | undefined>;
  }

  #next(emitter: EventEmitter, requestId: string, limit: Limit): Promise<unknown> {
    return new Promise((resolve) => {
      const end = (value?: unknown) => {
        emitter.off(requestId, end);
        forget();
        resolve(value);
      };
      emitter.on(requestId, end);
      const forget = limit(() => end());
    });
  }
}

/** Arranges for a callback at the end of a wait. @returns what takes that back */
export type Limit = (callback: () => void) => () => void;
