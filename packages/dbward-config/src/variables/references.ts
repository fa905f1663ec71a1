/** A `${NAME}` or `${NAME:-default}` in a text. */
export interface Reference {
  readonly name: string;
  /** The text after `:-`; undefined without it. */
  readonly fallback?: string;
  /** Offset of the `$`. */
  readonly start: number;
  /** Offset after the `}`. */
  readonly end: number;
}

const HEAD = /\$\{([A-Za-z_][A-Za-z0-9_]*)(\}|:-)/y;

/** Start of a reference. dbward refuses a text that contains it after the expansion. */
export const OPENING = "${";

/**
 * The references of a text, in order. A default ends at the first `}`. A `${` that is followed by anything else does not start a
 * reference.
 */
export function* referencesIn(text: string): Generator<Reference> {
  const lastEnd = text.lastIndexOf("}");
  for (let start = text.indexOf(OPENING); start !== -1; start = text.indexOf(OPENING, start)) {
    // Without this, many openings behind the last end would each search the rest of the text.
    const reference = start < lastEnd ? referenceAt(text, start) : undefined;
    if (reference) yield reference;
    start = reference?.end ?? start + OPENING.length;
  }
}

function referenceAt(text: string, start: number): Reference | undefined {
  HEAD.lastIndex = start;
  const [head, name, sequel] = HEAD.exec(text) ?? [];
  if (head === undefined || name === undefined) return undefined;
  if (sequel === "}") return { name, start, end: start + head.length };
  const end = text.indexOf("}", start + head.length);
  if (end === -1) return undefined;
  return { name, fallback: text.slice(start + head.length, end), start, end: end + 1 };
}

/** A variable that a text refers to. */
export interface VariableUse {
  readonly name: string;
  /** Whether every reference to it has a default, so that the text is accepted without the variable. */
  readonly optional: boolean;
}

/** The variables that a text refers to, comments included, each once, in the order of their first reference. */
export function variablesIn(text: string): VariableUse[] {
  const uses = new Map<string, VariableUse>();
  for (const { name, fallback } of referencesIn(text)) {
    const optional = fallback !== undefined && (uses.get(name)?.optional ?? true);
    uses.set(name, { name, optional });
  }
  return [...uses.values()];
}
