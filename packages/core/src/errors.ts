/** Parts of a {@link DbwardError} beside its message. */
export interface DbwardErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** What the reader of the message should do next: one or more complete sentences. */
  readonly hint: string;
}

/**
 * An error for the person who has to act: the message says what was being done and what the result was, the
 * hint what to do next. `docs/errors.md` has a section for each code that needs more words than that.
 *
 * It has a subclass only where a caller handles that error differently.
 */
export class DbwardError extends Error {
  override readonly name: string = "DbwardError";
  /** Stable, in kebab-case. */
  readonly code: string;
  readonly hint: string;

  constructor(code: string, message: string, options: DbwardErrorOptions) {
    super(
      `${message} ${options.hint} [${code}]`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.hint = options.hint;
  }
}

/** The message of any thrown value, with the messages of its causes, outermost first. */
export function describeError(error: unknown): string {
  const messages: string[] = [];
  let at: unknown = error;
  for (let depth = 0; at !== undefined && depth < MAX_CAUSES; depth++) {
    const text = at instanceof Error ? messageOf(at) : String(at);
    if (!messages.some((message) => message.includes(text))) messages.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return messages.join(": ");
}

/** A connection that fails at several addresses throws an AggregateError, whose own message is empty. */
function messageOf(error: Error): string {
  if (error.message) return error.message;
  const parts: unknown[] = error instanceof AggregateError ? error.errors : [];
  return parts.map((part) => (part instanceof Error ? part.message : String(part))).join(", ") || error.name;
}

/** Longest chain of causes that is followed: it could be circular. */
const MAX_CAUSES = 8;
