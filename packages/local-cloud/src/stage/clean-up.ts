/** What to undo, the latest first. Work in progress is aborted before that. */
export class CleanUp {
  readonly #steps: (() => Promise<unknown> | unknown)[] = [];
  readonly #ending = new AbortController();

  /** Aborts when the clean-up begins. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  add(step: () => Promise<unknown> | unknown): void {
    this.#steps.push(step);
  }

  /** Undoes everything, also what comes after a step that fails. @throws the first failure */
  async run(): Promise<void> {
    this.#ending.abort();
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
