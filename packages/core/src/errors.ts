/** What a {@link DbwardError} may carry beside its message. */
export interface DbwardErrorOptions {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** The next step of the person who reads the message: one or more whole sentences. */
  readonly hint: string;
}

/**
 * An error for the person who must act: the message says what was being done and what came back, the hint what
 * to do, and the code names the page `docs/errors/<code>.md` that says more.
 *
 * Subclass it once for each decision that a caller can take.
 */
export class DbwardError extends Error {
  override readonly name: string = "DbwardError";
  /** Stable, in kebab-case; also the name of the error's page in `docs/errors/`. */
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

/** The message of anything that was thrown, with the messages of its causes, outermost first. */
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

/** A connection tried at several addresses fails with an AggregateError, whose own message is empty. */
function messageOf(error: Error): string {
  if (error.message) return error.message;
  const parts: unknown[] = error instanceof AggregateError ? error.errors : [];
  return parts.map((part) => (part instanceof Error ? part.message : String(part))).join(", ") || error.name;
}

/** Causes can form a ring; no honest chain is this long. */
const MAX_CAUSES = 8;
