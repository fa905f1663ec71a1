import { parse, type TomlTable } from "smol-toml";

/** One statement of a TOML document with the text that it was written in. */
export interface Statement {
  /** `table`: `[a.b]`; `array`: `[[a.b]]`; `pair`: `key = value`; `blank`: an empty line or a comment. */
  readonly kind: "table" | "array" | "pair" | "blank";
  /** Names from the document's root; the enclosing table's come first. Empty for `blank`. */
  readonly path: readonly string[];
  /** The statement's lines, their line ends included. */
  readonly text: string;
  /** Line on which it begins, from 1. */
  readonly line: number;
}

/**
 * Splits a TOML document into statements, so that some can be dropped and the others kept as they are.
 * The document has to be valid: {@link parse} it first.
 */
export function readStatements(toml: string): Statement[] {
  const lines = toml.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const statements: Statement[] = [];
  let table: readonly string[] = [];
  for (let index = 0; index < lines.length; ) {
    const start = index;
    const first = lines[index++]!;
    const header = /^[ \t]*(\[\[?)/.exec(first)?.[1];
    if (header) {
      table = keyPath(first.slice(first.indexOf(header) + header.length));
      statements.push({
        kind: header === "[" ? "table" : "array",
        path: table,
        text: first,
        line: start + 1,
      });
      continue;
    }
    if (/^[ \t]*(#|\r?\n?$)/.test(first)) {
      statements.push({ kind: "blank", path: [], text: first, line: start + 1 });
      continue;
    }
    let state = scan(first, CLOSED);
    while (isOpen(state) && index < lines.length) state = scan(lines[index++]!, state);
    statements.push({
      kind: "pair",
      path: [...table, ...keyPath(first)],
      text: lines.slice(start, index).join(""),
      line: start + 1,
    });
  }
  return statements;
}

/** The names of a dotted key at the start of `text`, up to its `=` or `]`. */
function keyPath(text: string): string[] {
  const key = /^(?:\s*(?:"(?:\\.|[^"\\])*"|'[^']*'|[\w-]+)\s*\.?)+/.exec(text)?.[0] ?? "";
  const path: string[] = [];
  for (let at: unknown = parse(`${key} = 0`); typeof at === "object"; ) {
    const [name] = Object.keys(at as TomlTable);
    path.push(name!);
    at = (at as TomlTable)[name!];
  }
  return path;
}

/** What is open at the end of a line: a string, by the quote that ends it, and a number of brackets. */
interface Open {
  readonly quote: string;
  readonly depth: number;
}

const CLOSED: Open = { quote: "", depth: 0 };

function isOpen({ quote, depth }: Open): boolean {
  return quote !== "" || depth > 0;
}

function scan(line: string, { quote, depth }: Open): Open {
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!;
    if (quote !== "") {
      if (char === "\\" && quote[0] === '"') i++;
      else if (line.startsWith(quote, i)) {
        i += quote.length - 1;
        // A multi-line string may end in quotes of its own, right before the three that close it.
        if (quote.length === 3) while (line[i + 1] === quote[0]) i++;
        quote = "";
      }
    } else if (char === "#") break;
    else if (line.startsWith('"""', i) || line.startsWith("'''", i)) {
      quote = line.slice(i, i + 3);
      i += 2;
    } else if (char === '"' || char === "'") quote = char;
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
  }
  return { quote: quote.length === 3 ? quote : "", depth };
}
