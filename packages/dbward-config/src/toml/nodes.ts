import type { Span } from "../variables/source-map.ts";

/** A value of a TOML document and its offsets in the expanded text. */
export type TomlNode = TextNode | IntegerNode | FloatNode | BooleanNode | DateNode | ArrayNode | TableNode;

export interface TextNode extends Span {
  readonly kind: "text";
  readonly value: string;
}

export interface IntegerNode extends Span {
  readonly kind: "integer";
  /** Within 64 bits. */
  readonly value: bigint;
}

export interface FloatNode extends Span {
  readonly kind: "float";
  readonly value: number;
}

export interface BooleanNode extends Span {
  readonly kind: "boolean";
  readonly value: boolean;
}

export interface DateNode extends Span {
  readonly kind: "date";
  /** As it was written. */
  readonly value: string;
}

export interface ArrayNode extends Span {
  readonly kind: "array";
  readonly items: readonly TomlNode[];
}

/** A key as it stands in the document. */
export interface TomlKey extends Span {
  readonly name: string;
}

export interface TableEntry {
  readonly key: TomlKey;
  readonly value: TomlNode;
}

/** A table; `start` is its header, brace or first key. */
export class TableNode implements Span {
  readonly kind = "table";
  readonly start: number;
  readonly end: number;
  readonly entries: ReadonlyMap<string, TableEntry>;

  constructor(span: Span, entries: ReadonlyMap<string, TableEntry>) {
    this.start = span.start;
    this.end = span.end;
    this.entries = entries;
  }

  get(name: string): TomlNode | undefined {
    return this.entries.get(name)?.value;
  }

  /** The string with this name; undefined if it is missing or of another type. The same applies to the getters below. */
  text(name: string): TextNode | undefined {
    return ofKind(this.get(name), "text");
  }

  integer(name: string): IntegerNode | undefined {
    return ofKind(this.get(name), "integer");
  }

  isTrue(name: string): boolean {
    return ofKind(this.get(name), "boolean")?.value ?? false;
  }

  table(name: string): TableNode | undefined {
    return ofKind(this.get(name), "table");
  }

  items(name: string): readonly TomlNode[] {
    return ofKind(this.get(name), "array")?.items ?? [];
  }

  /** The tables of an array, with their places in it. */
  tables(name: string): { table: TableNode; index: number }[] {
    return this.items(name).flatMap((item, index) => (item.kind === "table" ? [{ table: item, index }] : []));
  }

  /** The texts of an array, with their places in it. */
  texts(name: string): { text: TextNode; index: number }[] {
    return this.items(name).flatMap((item, index) => (item.kind === "text" ? [{ text: item, index }] : []));
  }
}

function ofKind<K extends TomlNode["kind"]>(
  node: TomlNode | undefined,
  kind: K,
): Extract<TomlNode, { kind: K }> | undefined {
  return node?.kind === kind ? (node as Extract<TomlNode, { kind: K }>) : undefined;
}

/** A table as plain values. It has no prototype, so that no key has a special meaning. */
export interface ConfigTable {
  readonly [key: string]: ConfigValue;
}

/** Integers that a number can't represent exactly are bigints. Dates are strings, as they were written. */
export type ConfigValue = string | number | bigint | boolean | readonly ConfigValue[] | ConfigTable;

export function plainTable(table: TableNode): ConfigTable {
  const plain: Record<string, ConfigValue> = Object.create(null);
  for (const [name, { value }] of table.entries) plain[name] = plainValue(value);
  return plain;
}

function plainValue(node: TomlNode): ConfigValue {
  switch (node.kind) {
    case "table":
      return plainTable(node);
    case "array":
      return node.items.map(plainValue);
    case "integer":
      return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : node.value;
    default:
      return node.value;
  }
}
