import { UsageError } from "@dbward-aws/cli";
import type { Listed } from "./account-offers.ts";
import type { Check, Choice, Questions } from "./questions.ts";

/** Something to find out: by an option of the command line, from the account, or by a question. */
export interface Wanted<T> {
  /** Option that answers it, such as `--vpc`. */
  readonly option: string;
  /** The question. */
  readonly message: string;
  /** What the account has of it. */
  readonly listed: Listed<T>;
  readonly choiceOf: (item: T) => Choice<string>;
  /** Answers beside those that the account has. */
  readonly others?: readonly Choice<string>[];
  readonly initial?: string | undefined;
  /** For an answer that has to be typed, because the account could not be asked. */
  readonly check?: Check;
}

/** Names of a list that an error shows. */
const SHOWN = 10;

/** Collects answers, and what can't be answered because there is nobody to ask. */
export class Answers {
  /** The person; `undefined` when nobody is to be asked. */
  readonly questions: Questions | undefined;
  readonly #missing: string[] = [];

  constructor(questions: Questions | undefined) {
    this.questions = questions;
  }

  /** Notes that an option is needed. @param option with what it takes, such as `--vpc ID` */
  needs(option: string): void {
    this.#missing.push(option);
  }

  /** @throws UsageError with everything that was needed */
  complete(): void {
    if (this.#missing.length === 0) return;
    throw new UsageError(
      `Without questions, this needs more options:\n${this.#missing.map((each) => `  ${each}`).join("\n")}\n`,
      "Add them, or run it on a terminal without --yes.",
    );
  }

  /** One of what the account has; `undefined` when nobody can be asked and it isn't clear. */
  async one<T>(wanted: Wanted<T>): Promise<string | undefined> {
    const { option, message, listed, choiceOf, others = [], initial, check } = wanted;
    if ("denied" in listed) {
      if (!this.questions)
        return void this.needs(`${option} (not listed: your identity is not allowed ${listed.denied})`);
      this.questions.say(`It can't be looked up: your identity is not allowed ${listed.denied}.`);
      if (others.length === 0) return this.questions.enter(message, { initial, ...(check && { check }) });
      const typed = { value: "", label: "Enter its ID" };
      return (
        (await this.questions.choose(message, [typed, ...others], initial)) ||
        this.questions.enter("Its ID:", check && { check })
      );
    }
    const own = listed.items.map(choiceOf);
    const choices = [...own, ...others];
    if (this.questions) {
      if (choices.length > 0) return this.questions.choose(message, choices, initial);
      return this.questions.enter(message, check && { check });
    }
    if (initial !== undefined && choices.some(({ value }) => value === initial)) return initial;
    if (own.length === 1 && others.length === 0) return own[0]!.value;
    const known = choices.slice(0, SHOWN).map(({ value }) => value);
    const rest = choices.length > SHOWN ? ", …" : "";
    return void this.needs(known.length === 0 ? option : `${option}: ${known.join(", ")}${rest}`);
  }

  /** A text with a default, which is taken when nobody is asked. */
  async text(option: string | undefined, message: string, initial: string, check?: Check): Promise<string> {
    return option ?? (await this.questions?.enter(message, { initial, ...(check && { check }) })) ?? initial;
  }
}
