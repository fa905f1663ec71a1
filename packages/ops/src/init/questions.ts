import { DbwardError } from "@dbward-aws/core";

/** One of several answers. */
export interface Choice<T> {
  readonly value: T;
  readonly label: string;
  /** What tells it apart from the others. */
  readonly hint?: string | undefined;
}

/** What is wrong with a text; `undefined` when nothing is. */
export type Check = (text: string) => string | undefined;

/** A person who answers. Every function throws {@link QuestionsEndedError} when the person leaves. */
export interface Questions {
  choose<T>(message: string, choices: readonly Choice<T>[], initial?: T): Promise<T>;
  chooseSome<T>(message: string, choices: readonly Choice<T>[], initial: readonly T[]): Promise<readonly T[]>;
  /** @param initial the text that Enter alone takes */
  enter(
    message: string,
    options?: { readonly initial?: string | undefined; readonly check?: Check },
  ): Promise<string>;
  /** Asks for a text that is not shown. */
  enterSecret(message: string, check: Check): Promise<string>;
  /** Says something that needs no answer. */
  say(line: string): void;
}

/** The person left before all questions were answered. Nothing was changed. */
export class QuestionsEndedError extends DbwardError {
  override readonly name = "QuestionsEndedError";

  constructor() {
    super("questions-ended", "Not all questions were answered.", { hint: "Nothing was changed." });
  }
}
