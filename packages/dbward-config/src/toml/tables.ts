import type { Span } from "../variables/source-map.ts";
import { type TableEntry, TableNode, type TomlKey, type TomlNode } from "./nodes.ts";

/** A key that is defined twice, or extends something that is not a table. */
export class KeyError extends Error {
  override readonly name = "KeyError";
  readonly key: TomlKey;

  constructor(key: TomlKey, message: string) {
    super(message);
    this.key = key;
  }
}

/**
 * How a table was created, which determines what may still be added to it: `implicit` as the parent of another table,
 * `dotted` by a dotted key, `defined` by a header or as an inline table.
 */
type Origin = "implicit" | "dotted" | "defined";

type Slot = { key: TomlKey } & (
  | { kind: "table"; table: OpenTable }
  | { kind: "tables"; tables: OpenTable[] }
  | { kind: "value"; value: TomlNode }
);

/** A table while the document is being read. */
export class OpenTable {
  #origin: Origin;
  readonly #span: Span;
  readonly #slots = new Map<string, Slot>();

  constructor(span: Span, origin: Origin = "defined") {
    this.#span = span;
    this.#origin = origin;
  }

  /** Opens the table of a `[header]`, seen from the root. */
  openTable(path: readonly TomlKey[], span: Span): OpenTable {
    const { parent, key } = this.#parentOf(path);
    const slot = parent.#slots.get(key.name);
    if (slot === undefined) {
      const table = new OpenTable(span);
      parent.#slots.set(key.name, { key, kind: "table", table });
      return table;
    }
    if (slot.kind !== "table" || slot.table.#origin !== "implicit") throw twice(key);
    slot.table.#origin = "defined";
    return slot.table;
  }

  /** Opens the next table of a `[[header]]`, seen from the root. */
  openElement(path: readonly TomlKey[], span: Span): OpenTable {
    const { parent, key } = this.#parentOf(path);
    const slot = parent.#slots.get(key.name);
    const table = new OpenTable(span);
    if (slot === undefined) parent.#slots.set(key.name, { key, kind: "tables", tables: [table] });
    else if (slot.kind === "tables") slot.tables.push(table);
    else throw twice(key);
    return table;
  }

  /** Sets the value of a key, which may be dotted. */
  set(path: readonly TomlKey[], value: TomlNode): void {
    let table: OpenTable = this;
    for (const key of path.slice(0, -1)) table = table.#descend(key, "dotted");
    const key = path.at(-1)!;
    // A dotted key may only add to a table that dotted keys created.
    const dotted = path.length > 1;
    if (dotted !== (table.#origin === "dotted") || table.#slots.has(key.name)) throw twice(key);
    table.#slots.set(key.name, { key, kind: "value", value });
  }

  close(): TableNode {
    const entries = new Map<string, TableEntry>();
    for (const [name, slot] of this.#slots) entries.set(name, { key: slot.key, value: close(slot) });
    return new TableNode(this.#span, entries);
  }

  #parentOf(path: readonly TomlKey[]): { parent: OpenTable; key: TomlKey } {
    let parent: OpenTable = this;
    for (const key of path.slice(0, -1)) parent = parent.#descend(key, "implicit");
    return { parent, key: path.at(-1)! };
  }

  #descend(key: TomlKey, origin: "implicit" | "dotted"): OpenTable {
    const slot = this.#slots.get(key.name);
    if (slot === undefined) {
      const table = new OpenTable(key, origin);
      this.#slots.set(key.name, { key, kind: "table", table });
      return table;
    }
    if (slot.kind === "value") throw new KeyError(key, "already has a value and can't be a table as well");
    if (slot.kind === "tables") return slot.tables.at(-1)!;
    if (origin === "dotted" && slot.table.#origin === "defined") throw twice(key);
    return slot.table;
  }
}

function close(slot: Slot): TomlNode {
  if (slot.kind === "value") return slot.value;
  if (slot.kind === "table") return slot.table.close();
  const items = slot.tables.map((table) => table.close());
  return { kind: "array", items, start: slot.key.start, end: slot.key.end };
}

function twice(key: TomlKey): KeyError {
  return new KeyError(key, "is defined twice");
}
