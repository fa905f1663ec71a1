import { describeError } from "@dbward-aws/core";

/** What happens to a step; `milliseconds` is its duration so far. */
export type ProgressEvent =
  | { readonly kind: "started"; readonly step: string }
  | { readonly kind: "noted"; readonly step: string; readonly text: string }
  | { readonly kind: "done"; readonly step: string; readonly milliseconds: number; readonly text?: string }
  | { readonly kind: "failed"; readonly step: string; readonly milliseconds: number; readonly text: string };

/** Reports what a step is doing, in a few words; the last report stays beside the finished step. */
export type Note = (text: string) => void;

/** Reports which steps are running and how long each took. Steps may overlap; their names are unique. */
export class Progress {
  readonly #listener: (event: ProgressEvent) => void;

  /** @param listener @default - none */
  constructor(listener: (event: ProgressEvent) => void = () => undefined) {
    this.#listener = listener;
  }

  /** Runs `work` as the step `step`, and hands on its result or its error. */
  async step<T>(step: string, work: (note: Note) => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const milliseconds = () => Math.round(performance.now() - startedAt);
    let text: string | undefined;
    this.#listener({ kind: "started", step });
    try {
      const result = await work((noted) => {
        text = noted;
        this.#listener({ kind: "noted", step, text });
      });
      this.#listener({
        kind: "done",
        step,
        milliseconds: milliseconds(),
        ...(text === undefined ? {} : { text }),
      });
      return result;
    } catch (error) {
      this.#listener({ kind: "failed", step, milliseconds: milliseconds(), text: describeError(error) });
      throw error;
    }
  }
}
