import type { Problem } from "../problem.ts";
import { OPENING, type Reference, referencesIn } from "./references.ts";
import { type Segment, SourceMap } from "./source-map.ts";

/** A text with its variables replaced, and the way from it to the original. */
export interface Expansion {
  readonly text: string;
  readonly source: SourceMap;
  readonly problems: Problem[];
}

/** Stands for what can't be expanded, so that the rest of the text can be checked. It fits in a text, a key and a list alike. */
const STAND_IN = "0";

/**
 * Replaces the variables of a whole text, comments included, before anything is parsed. A value goes in as it is.
 *
 * @param variables the environment of the program
 */
export function expand(text: string, variables: Readonly<Record<string, string>>): Expansion {
  const expansion = new Expanding(text);
  for (const reference of referencesIn(text)) {
    const { name, fallback } = reference;
    if (fallback?.includes(OPENING)) {
      expansion.refuse(
        reference,
        "variable-nested",
        `The default of \${${name}} holds a reference; a default can't refer to another variable.`,
      );
    } else if (Object.hasOwn(variables, name)) {
      expansion.replace(reference, variables[name]!, "value");
    } else if (fallback !== undefined) {
      expansion.useDefault(reference, fallback);
    } else {
      expansion.refuse(
        reference,
        "variable-unset",
        `The variable ${name} is not set. Set it, or write a default: \${${name}:-default}. Comments count as well.`,
      );
    }
  }
  return expansion.finish();
}

/** {@link expand}, without the source map. With problems, the text must not be used. */
export function expandVariables(
  text: string,
  variables: Readonly<Record<string, string>>,
): { text: string; problems: Problem[] } {
  const expansion = expand(text, variables);
  return { text: expansion.text, problems: expansion.problems };
}

class Expanding {
  readonly #source: string;
  readonly #parts: string[] = [];
  readonly #segments: Segment[] = [];
  readonly #refused: { offset: number; rule: string; message: string }[] = [];
  #length = 0;
  #consumed = 0;

  constructor(source: string) {
    this.#source = source;
  }

  replace(reference: Reference, value: string, kind: "value" | "missing"): void {
    this.#takeText(reference.start);
    this.#add(value, reference.start, reference.end, kind);
    this.#consumed = reference.end;
  }

  useDefault(reference: Reference, fallback: string): void {
    this.#takeText(reference.start);
    const start = reference.end - 1 - fallback.length;
    this.#add(fallback, start, reference.end - 1, "text");
    this.#consumed = reference.end;
  }

  refuse(reference: Reference, rule: string, message: string): void {
    this.replace(reference, STAND_IN, "missing");
    this.#refused.push({ offset: this.#length - 1, rule, message });
  }

  finish(): Expansion {
    this.#takeText(this.#source.length);
    if (this.#segments.length === 0) this.#add("", 0, 0, "text");
    const text = this.#parts.join("");
    const source = new SourceMap(this.#source, this.#segments);
    const refused = this.#refused.map(({ offset, ...what }) => ({ line: source.line(offset), ...what }));
    const problems = [...refused, ...leftOver(text, source)].sort((a, b) => a.line - b.line);
    return { text, source, problems };
  }

  #takeText(end: number): void {
    if (end > this.#consumed) {
      this.#add(this.#source.slice(this.#consumed, end), this.#consumed, end, "text");
    }
  }

  #add(text: string, sourceStart: number, sourceEnd: number, kind: Segment["kind"]): void {
    this.#parts.push(text);
    this.#segments.push({ start: this.#length, sourceStart, sourceEnd, kind });
    this.#length += text.length;
  }
}

/** The program looks for `${` in what came out, so one in the value of a variable counts as well. */
function leftOver(text: string, source: SourceMap): Problem[] {
  const problems: Problem[] = [];
  for (let at = text.indexOf(OPENING); at !== -1; at = text.indexOf(OPENING, at + OPENING.length)) {
    const span = { start: at, end: at + OPENING.length };
    problems.push({
      line: source.line(at),
      rule: "variable-malformed",
      message: source.holdsValue(span)
        ? `The value of a variable holds "\${", which is refused wherever it comes from. Change the value of ${source.written(span)}.`
        : `"\${" must begin \${NAME} or \${NAME:-default}, with a name of letters, digits and "_" that does not begin with a digit. It can't be escaped, and comments count as well.`,
    });
  }
  return problems;
}
