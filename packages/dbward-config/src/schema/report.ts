import type { Problem } from "../problem.ts";
import type { TomlKey, TomlNode } from "../toml/nodes.ts";
import type { SourceMap, Span } from "../variables/source-map.ts";
import type { Path } from "./path.ts";

/** Collects the problems of a document, and keeps secrets out of the messages. */
export class Report {
  readonly #source: SourceMap;
  readonly #problems: Problem[] = [];
  readonly #variables: Readonly<Record<string, string>>;

  /** @param variables the environment of the program, for the rules that depend on it */
  constructor(source: SourceMap, variables: Readonly<Record<string, string>>) {
    this.#source = source;
    this.#variables = variables;
  }

  /** A variable of the program's environment. */
  variable(name: string): string | undefined {
    return Object.hasOwn(this.#variables, name) ? this.#variables[name] : undefined;
  }

  /** The values of all variables. They must not appear in a message. */
  get variableValues(): string[] {
    return Object.values(this.#variables);
  }

  /** In the order of their lines. */
  get problems(): Problem[] {
    return this.#problems.sort((a, b) => a.line - b.line);
  }

  /**
   * @param message what is wrong and what is accepted. It must quote the document only through {@link quote}.
   */
  add(at: Span, path: Path, rule: string, message: string): void {
    // A place with a placeholder is already reported as a missing variable.
    if (this.#source.holdsMissing(at)) return;
    const where = this.render(path);
    this.#problems.push({ line: this.#source.line(at.start), rule, ...(where && { path: where }), message });
  }

  /** Adds a problem whose message has the value, unless it may be a secret, and what it must be. */
  expect(node: TomlNode, path: Path, rule: string, expected: string, secret = false): void {
    const found = secret ? undefined : this.quote(node);
    const place = this.render(path);
    const message = found ? `${place} is ${found}. It must be ${expected}.` : `${place} must be ${expected}.`;
    this.add(node, path, rule, message);
  }

  /** A string of the document; undefined for other values, and for strings that contain the value of a variable. */
  quote(node: TomlNode): string | undefined {
    if (node.kind !== "text" || this.#source.holdsValue(node)) return undefined;
    return node.value.length > 100 ? undefined : JSON.stringify(node.value);
  }

  /** `a.b[0].c`. A key that contains the value of a variable is shown with the reference instead. */
  render(path: Path): string {
    const steps: string[] = [];
    for (let at: Path | undefined = path; at?.step !== undefined; at = at.parent) {
      const name = this.#step(at.step);
      const isFirst = at.parent?.step === undefined;
      steps.push(typeof at.step === "number" || isFirst ? name : `.${name}`);
    }
    return steps.reverse().join("");
  }

  #step(step: TomlKey | string | number): string {
    if (typeof step === "number") return `[${step}]`;
    if (typeof step === "string") return step;
    if (this.#source.holdsValue(step)) return this.#source.written(step);
    return /^[A-Za-z0-9_-]+$/.test(step.name) ? step.name : JSON.stringify(step.name);
  }
}
