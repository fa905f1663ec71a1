import type { Problem } from "../problem.ts";
import { OPENING, type Reference, referencesIn } from "./references.ts";
import { type Segment, SourceMap } from "./source-map.ts";

/** A text with its variables replaced, and the map back to the original. */
export interface Expansion {
  readonly text: string;
  readonly source: SourceMap;
  readonly problems: Problem[];
}

/** Placeholder for a reference that can't be expanded, so that the rest can be checked. It is valid in a string, a key and a list. */
const STAND_IN = "0";

/**
 * Replaces the variables of a whole text, including comments, before it is parsed. Values are inserted unchanged.
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
        `The default of \${${name}} contains a reference; a default can't refer to another variable.`,
      );
    } else if (Object.hasOwn(variables, name)) {
      expansion.replace(reference, variables[name]!, "value");
    } else if (fallback !== undefined) {
      expansion.useDefault(reference, fallback);
    } else {
      expansion.refuse(
        reference,
        "variable-unset",
        `The variable ${name} is not set. Set it, or write a default: \${${name}:-default}. This also applies to comments.`,
      );
    }
  }
  return expansion.finish();
}

/** {@link expand} without the source map. The text must not be used if there are problems. */
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

/** The program looks for `${` in the result, so that it also finds one in the value of a variable. */
function leftOver(text: string, source: SourceMap): Problem[] {
  const problems: Problem[] = [];
  for (let at = text.indexOf(OPENING); at !== -1; at = text.indexOf(OPENING, at + OPENING.length)) {
    const span = { start: at, end: at + OPENING.length };
    problems.push({
      line: source.line(at),
      rule: "variable-malformed",
      message: source.holdsValue(span)
        ? `The value of a variable contains "\${", which dbward refuses. Change the value of ${source.written(span)}.`
        : `"\${" must start \${NAME} or \${NAME:-default}, with a name of letters, digits and "_" that does not begin with a digit. It can't be escaped, not even in comments.`,
    });
  }
  return problems;
}
