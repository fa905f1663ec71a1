import { type TableEntry, TableNode, type TomlKey, type TomlNode } from "../toml/nodes.ts";
import { child, type Path } from "./path.ts";
import type { Report } from "./report.ts";
import { type Type, wrongType } from "./types.ts";

/** A field of a table. A bare type is a field with a default. */
export type Field =
  | Type
  | {
      readonly type: Type;
      /**
       * `required`: refused without it. `optional`: may be missing, and has no default; it differs from a field with a default
       * only where an array stands for the table (see {@link table}).
       */
      readonly presence: "required" | "optional";
      /** Another name of the field. */
      readonly alias?: string;
    };

export function required(type: Type, alias?: string): Field {
  return { type, presence: "required", ...(alias && { alias }) };
}

export function optional(type: Type): Field {
  return { type, presence: "optional" };
}

/** A rule about several fields of a table. Fields of a wrong type are missing in what it gets. */
export type TableRule = (table: TableNode, path: Path, report: Report) => void;

export interface TableOptions {
  /** Refuse fields that are not in the list. Elsewhere dbward ignores them. */
  readonly strict?: boolean;
  /** An array for the table may not be longer than the list of fields. */
  readonly exactLength?: boolean;
  readonly rules?: readonly TableRule[];
}

/**
 * A table with these fields, in dbward's order. It matters: dbward also takes an array, whose elements are then the fields in
 * their order, and as long as the missing ones have defaults. A date counts as a table of unknown fields.
 */
export function table(
  fields: Readonly<Record<string, Field>>,
  { strict = false, exactLength = false, rules = [] }: TableOptions = {},
): Type {
  const known = new Map(Object.entries(fields).map(([name, field]) => [name, normalise(field)]));
  const names = [...known.keys()];
  const aliases = new Map([...known].flatMap(([name, { alias }]) => (alias ? [[alias, name]] : [])));

  function entriesOf(
    node: TomlNode,
    path: Path,
    report: Report,
  ): ReadonlyMap<string, TableEntry> | undefined {
    if (node.kind === "table") return node.entries;
    if (node.kind === "date") return new Map();
    if (node.kind !== "array") return wrongType(node, path, report, "a table");
    if (exactLength && node.items.length > names.length) {
      report.add(
        node,
        path,
        "type",
        `${report.render(path)} must be a table, not an array of ${node.items.length} values.`,
      );
    }
    return new Map(
      node.items.slice(0, names.length).map((value, index) => {
        const name = names[index]!;
        return [name, { key: { name, start: value.start, end: value.end }, value }];
      }),
    );
  }

  function readField(entry: TableEntry, path: Path, report: Report): [string, TableEntry] | undefined {
    const name = aliases.get(entry.key.name) ?? entry.key.name;
    const place = child(path, entry.key);
    const field = known.get(name);
    if (!field && strict) {
      report.add(
        entry.key,
        place,
        "unknown-key",
        `${report.render(place)} is not a setting of dbward. ${listOf(names)}`,
      );
    }
    const value = field ? field.type.read(entry.value, place, report) : entry.value;
    return value && [name, { key: entry.key, value }];
  }

  return {
    read(node, path, report) {
      const entries = entriesOf(node, path, report);
      if (!entries) return undefined;
      if (strict && node.kind === "date") wrongType(node, path, report, "a table");
      reportMissing(node, entries, path, report);
      reportBothNames(entries, path, report);
      const read = [...entries.values()].flatMap((entry) => {
        const field = readField(entry, path, report);
        return field ? [field] : [];
      });
      const result = new TableNode(node, new Map(read));
      for (const rule of rules) rule(result, path, report);
      return result;
    },
  };

  function reportMissing(
    node: TomlNode,
    entries: ReadonlyMap<string, TableEntry>,
    path: Path,
    report: Report,
  ): void {
    for (const [name, { presence, alias }] of known) {
      if (entries.has(name) || (alias && entries.has(alias))) continue;
      const needed = presence === "required" || (presence === "optional" && node.kind === "array");
      if (!needed) continue;
      const place = child(path, name);
      report.add(node, place, "required", `${report.render(place)} is missing. dbward requires it.`);
    }
  }

  function reportBothNames(entries: ReadonlyMap<string, TableEntry>, path: Path, report: Report): void {
    for (const [alias, name] of aliases) {
      const key: TomlKey | undefined = entries.get(alias)?.key;
      if (!key || !entries.has(name)) continue;
      const place = child(path, key);
      report.add(
        key,
        place,
        "both-names",
        `${report.render(place)} is another name of ${name}. Use one of them.`,
      );
    }
  }
}

function normalise(field: Field): {
  type: Type;
  presence: "required" | "optional" | "default";
  alias?: string;
} {
  return "presence" in field ? field : { type: field, presence: "default" };
}

function listOf(names: readonly string[]): string {
  return `Here it knows ${names.join(", ")}.`;
}

/** A table whose keys are free, and whose values are all of one type. */
export function mapOf(type: Type, rules: readonly TableRule[] = []): Type {
  return {
    read(node, path, report) {
      if (node.kind !== "table") return wrongType(node, path, report, "a table");
      const entries = [...node.entries].flatMap(([name, { key, value }]): [string, TableEntry][] => {
        const read = type.read(value, child(path, key), report);
        return read ? [[name, { key, value: read }]] : [];
      });
      const result = new TableNode(node, new Map(entries));
      for (const rule of rules) rule(result, path, report);
      return result;
    },
  };
}
