/** Thrown in place of a call, or of its answer. */
export class Cut extends Error {}

/**
 * Lets a number of events pass and then cuts the process off: every call is two events, one before it is sent
 * and one before its answer is seen.
 */
export class Scissors {
  #left: number;

  constructor(events: number) {
    this.#left = events;
  }

  /** An object whose methods are cut. */
  on<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const member: unknown = Reflect.get(object, name, object);
        if (typeof member !== "function") return member;
        return async (...args: unknown[]) => {
          this.#pass();
          const answer: unknown = await member.apply(object, args);
          this.#pass();
          return answer;
        };
      },
    });
  }

  #pass(): void {
    if (this.#left-- <= 0) throw new Cut("The process was cut off");
  }
}

/**
 * Does something again and again, each time cut off one event later, until it comes to its end.
 *
 * @param attempt what is cut off
 * @param after called after each cut, to check what was left behind and to continue
 * @returns how often it was cut off
 */
export async function cutAtEveryStep(
  attempt: (scissors: Scissors) => Promise<unknown>,
  after: () => Promise<void>,
): Promise<number> {
  for (let events = 0; ; events++) {
    try {
      await attempt(new Scissors(events));
      return events;
    } catch (error) {
      if (!isCut(error)) throw error;
    }
    await after();
  }
}

function isCut(error: unknown): boolean {
  return error instanceof Cut || (error instanceof Error && error.cause !== undefined && isCut(error.cause));
}
