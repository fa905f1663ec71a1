import { type TableEntry, TableNode, type TomlNode } from "../toml/nodes.ts";
import { child, type Path } from "./path.ts";
import type { Report } from "./report.ts";
import { type Type, wrongType } from "./types.ts";

/** A field of a table. A bare type is a field with a default. */
export type Field = Type | FieldSpec;

interface FieldSpec {
  readonly type: Type;
  /**
   * `required`: must be set. `optional`: may be missing and has no default, which matters only where an array is used instead of
   * the table (see {@link table}).
   */
  readonly presence: "required" | "optional" | "default";
  /** Another name of the field. */
  readonly alias?: string;
}

export function required(type: Type, alias?: string): Field {
  return { type, presence: "required", ...(alias && { alias }) };
}

export function optional(type: Type): Field {
  return { type, presence: "optional" };
}

/** A rule about several fields of a table. The table may contain values of wrong types, which are reported elsewhere. */
export type TableRule = (table: TableNode, path: Path, report: Report) => void;

export interface TableOptions {
  /** Refuse unknown fields. dbward ignores them in other tables. */
  readonly strict?: boolean;
  /** Refuse an array that is longer than the list of fields. dbward ignores the rest in other tables. */
  readonly exactLength?: boolean;
  readonly rules?: readonly TableRule[];
}

/**
 * A table with these fields, in dbward's order. The order matters, because dbward also accepts an array instead of the table: its
 * elements are the fields in this order, and it may end where all further fields have defaults. A date counts as a table with
 * one unknown field.
 */
export function table(fields: Readonly<Record<string, Field>>, options: TableOptions = {}): Type {
  return new TableType(fields, options);
}

type Entries = ReadonlyMap<string, TableEntry>;

class TableType implements Type {
  readonly #fields: ReadonlyMap<string, FieldSpec>;
  readonly #names: readonly string[];
  /** The names by their aliases. */
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #options: TableOptions;

  constructor(fields: Readonly<Record<string, Field>>, options: TableOptions) {
    const specs = Object.entries(fields).map(([name, field]): [string, FieldSpec] => [name, specOf(field)]);
    this.#fields = new Map(specs);
    this.#names = specs.map(([name]) => name);
    this.#aliases = new Map(specs.flatMap(([name, { alias }]) => (alias ? [[alias, name]] : [])));
    this.#options = options;
  }

  read(node: TomlNode, path: Path, report: Report): TomlNode {
    const entries = this.#entriesOf(node);
    if (!entries) return wrongType(node, path, report, "a table");
    this.#reportMissing(node, entries, path, report);
    this.#reportBothNames(entries, path, report);
    const read = new Map<string, TableEntry>();
    for (const entry of entries.values()) {
      const name = this.#aliases.get(entry.key.name) ?? entry.key.name;
      read.set(name, { key: entry.key, value: this.#readField(name, entry, path, report) });
    }
    const result = new TableNode(node, read);
    for (const rule of this.#options.rules ?? []) rule(result, path, report);
    return result;
  }

  #entriesOf(node: TomlNode): Entries | undefined {
    const { strict, exactLength } = this.#options;
    if (node.kind === "table") return node.entries;
    if (node.kind === "date" && !strict) return new Map();
    if (node.kind !== "array" || (exactLength && node.items.length > this.#names.length)) return undefined;
    const items = node.items.slice(0, this.#names.length);
    return new Map(
      items.map((value, index) => {
        const name = this.#names[index]!;
        return [name, { key: { name, start: value.start, end: value.end }, value }];
      }),
    );
  }

  #readField(name: string, { key, value }: TableEntry, path: Path, report: Report): TomlNode {
    const place = child(path, key);
    const field = this.#fields.get(name);
    if (field) return field.type.read(value, place, report);
    if (this.#options.strict) {
      const known = this.#names.join(", ");
      report.add(
        key,
        place,
        "unknown-key",
        `${report.render(place)} is not a setting of dbward. The settings here are ${known}.`,
      );
    }
    return value;
  }

  #reportMissing(node: TomlNode, entries: Entries, path: Path, report: Report): void {
    for (const [name, { presence, alias }] of this.#fields) {
      if (entries.has(name) || (alias && entries.has(alias))) continue;
      if (presence === "default" || (presence === "optional" && node.kind !== "array")) continue;
      const place = child(path, name);
      report.add(node, place, "required", `${report.render(place)} is missing. dbward requires it.`);
    }
  }

  #reportBothNames(entries: Entries, path: Path, report: Report): void {
    for (const [alias, name] of this.#aliases) {
      const key = entries.get(alias)?.key;
      if (!key || !entries.has(name)) continue;
      const place = child(path, key);
      const message = `${report.render(place)} is another name of ${name}. Use one of them.`;
      report.add(key, place, "both-names", message);
    }
  }
}

function specOf(field: Field): FieldSpec {
  return "presence" in field ? field : { type: field, presence: "default" };
}

/** A table with any keys, and values of one type. */
export function mapOf(type: Type, rules: readonly TableRule[] = []): Type {
  return {
    read(node, path, report) {
      if (node.kind !== "table") return wrongType(node, path, report, "a table");
      const read = new Map<string, TableEntry>();
      for (const [name, { key, value }] of node.entries) {
        read.set(name, { key, value: type.read(value, child(path, key), report) });
      }
      const result = new TableNode(node, read);
      for (const rule of rules) rule(result, path, report);
      return result;
    },
  };
}
