/** One reason why dbward refuses a text. */
export interface Problem {
  /** Line of the user's text, from 1. */
  readonly line: number;
  /** Stable name of the rule, in kebab-case. */
  readonly rule: string;
  /** Where in the document, such as `workflows[0].steps[1].mode`, for rules about one place. */
  readonly path?: string;
  /** What is wrong and what is accepted. Never contains the value of a variable or of a secret field. */
  readonly message: string;
}
