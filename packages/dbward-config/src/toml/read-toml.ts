import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import type { Span } from "../variables/source-map.ts";
import { inPlainWords } from "./messages.ts";
import type { TableNode, TomlKey, TomlNode } from "./nodes.ts";
import { KeyError, OpenTable } from "./tables.ts";

/** The text is not valid TOML 1.0 for dbward's parser (the Rust crate `toml` 0.8). */
export class TomlError extends Error {
  override readonly name = "TomlError";
  /** Offset of the mistake in the text. */
  readonly offset: number;
  /** The key that the message is about, if there is one. */
  readonly key?: TomlKey;

  constructor(offset: number, message: string, key?: TomlKey) {
    super(message);
    this.offset = offset;
    this.key = key;
  }
}

const BYTE_ORDER_MARK = "\u{feff}";

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that TOML forbids everywhere
const FORBIDDEN = /\r(?!\n)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** Number of nested arrays and inline tables, and of names in a dotted key, that the crate refuses. */
const TOO_DEEP = 80;

/** Levels of a whole document. The crate has no such limit, but overflows its stack somewhere above it. */
const TOO_DEEP_IN_ALL = 1000;

const TOO_LARGE = "arrays are nested too deeply, or a string is longer than 100,000 characters";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Reads a TOML document. It differs from the crate in two cases that should not occur: it refuses strings of more than 100,000
 * characters, and a dotted key through an array of tables of an earlier header, which the crate accepts against TOML 1.0.
 *
 * @throws TomlError for the first mistake
 */
export function readToml(text: string): TableNode {
  const base = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  const forbidden = FORBIDDEN.exec(text);
  if (forbidden) throw new TomlError(forbidden.index, describeCharacter(forbidden[0]));
  return new Converter(base).document(parse(text.slice(base), base));
}

function parse(text: string, base: number): AST.TOMLTopLevelTable {
  try {
    const [top] = parseTOML(text, { tomlVersion: "1.0" }).body;
    if (/^ \d$/.test(text.slice(lastValueEnd(top)))) {
      throw new TomlError(base + text.length - 1, inPlainWords("Unexpected character"));
    }
    return top;
  } catch (error) {
    if (error instanceof ParseError) throw new TomlError(base + error.index, inPlainWords(error.message));
    // The parser recurses into arrays, and passes the characters of a string as arguments.
    if (error instanceof RangeError) throw new TomlError(base, TOO_LARGE);
    throw error;
  }
}

/** The parser overlooks a single digit after a date at the very end. */
function lastValueEnd(top: AST.TOMLTopLevelTable): number {
  const last = top.body.at(-1);
  return (last?.type === "TOMLTable" ? last.body.at(-1) : last)?.range[1] ?? 0;
}

/** Depth of a value: of brackets and braces alone, and including the names of headers and keys. */
interface Depth {
  readonly brackets: number;
  readonly levels: number;
}

/** Converts the parser's nodes to ours, and checks what the parser does not. */
class Converter {
  readonly #base: number;

  constructor(base: number) {
    this.#base = base;
  }

  document(top: AST.TOMLTopLevelTable): TableNode {
    const root = new OpenTable({ start: 0, end: 0 });
    try {
      for (const statement of top.body) {
        if (statement.type === "TOMLKeyValue") this.#set(root, statement, { brackets: 0, levels: 0 });
        else this.#section(root, statement);
      }
      return root.close();
    } catch (error) {
      if (error instanceof KeyError) throw new TomlError(error.key.start, error.message, error.key);
      throw error;
    }
  }

  #section(root: OpenTable, section: AST.TOMLTable): void {
    const path = this.#path(section.key);
    const span = this.#span(section.key);
    const table = section.kind === "array" ? root.openElement(path, span) : root.openTable(path, span);
    for (const pair of section.body) this.#set(table, pair, { brackets: 0, levels: path.length });
  }

  #set(table: OpenTable, { key, value }: AST.TOMLKeyValue, { brackets, levels }: Depth): void {
    const path = this.#path(key);
    table.set(path, this.#value(value, { brackets, levels: levels + path.length }));
  }

  #path(key: AST.TOMLKey): TomlKey[] {
    if (key.keys.length >= TOO_DEEP) {
      throw new TomlError(this.#span(key).start, `a dotted key must have fewer than ${TOO_DEEP} names`);
    }
    return key.keys.map((part) => ({
      name: part.type === "TOMLBare" ? part.name : part.value,
      ...this.#span(part),
    }));
  }

  #value(node: AST.TOMLContentNode, depth: Depth): TomlNode {
    const span = this.#span(node);
    if (node.type === "TOMLValue") return scalar(node, span);
    const inside = { brackets: depth.brackets + 1, levels: depth.levels + 1 };
    if (inside.brackets >= TOO_DEEP || inside.levels >= TOO_DEEP_IN_ALL) {
      throw new TomlError(span.start, `arrays and inline tables must be nested less than ${TOO_DEEP} deep`);
    }
    if (node.type === "TOMLArray") {
      return { kind: "array", items: node.elements.map((element) => this.#value(element, inside)), ...span };
    }
    const table = new OpenTable(span);
    for (const pair of node.body) this.#set(table, pair, inside);
    return table.close();
  }

  #span({ range: [start, end] }: AST.TOMLNode): Span {
    return { start: this.#base + start, end: this.#base + end };
  }
}

function scalar(node: AST.TOMLValue, span: Span): TomlNode {
  switch (node.kind) {
    case "string":
      return { kind: "text", value: node.value, ...span };
    case "boolean":
      return { kind: "boolean", value: node.value, ...span };
    case "integer":
      if (node.bigint < INT64_MIN || node.bigint > INT64_MAX) {
        throw new TomlError(span.start, "an integer must fit into a signed 64-bit number");
      }
      return { kind: "integer", value: node.bigint, ...span };
    case "float":
      if (node.value === Number.POSITIVE_INFINITY && !node.number.endsWith("inf")) {
        throw new TomlError(span.start, "a float must fit into 64 bits");
      }
      return { kind: "float", value: node.value, ...span };
    default:
      return { kind: "date", value: node.datetime, ...span };
  }
}

function describeCharacter(character: string): string {
  return character === "\r"
    ? "a carriage return must be followed by a line feed"
    : "control characters other than tab and line feed are not allowed, not even in comments";
}
