import type { TomlNode } from "../toml/nodes.ts";
import { child, type Path } from "./path.ts";
import type { Report } from "./report.ts";

/** The type of a field. */
export interface Type {
  /**
   * Checks a value, and returns it in its usual form (see `table`); a value of another type is returned unchanged.
   */
  read(node: TomlNode, path: Path, report: Report): TomlNode;
}

const KINDS: Readonly<Record<TomlNode["kind"], string>> = {
  text: "a string",
  integer: "an integer",
  float: "a float",
  boolean: "a boolean",
  date: "a date or time",
  array: "an array",
  table: "a table",
};

/**
 * Reports a value of another type, and returns it.
 *
 * @param expected with its article, such as `a string`
 */
export function wrongType<T extends TomlNode>(node: T, path: Path, report: Report, expected: string): T {
  report.add(node, path, "type", `${report.render(path)} must be ${expected}, not ${KINDS[node.kind]}.`);
  return node;
}

/** A rule about the value of a text, beyond its type. */
export interface TextRule {
  readonly rule: string;
  /** The accepted values, as a text after "must be". */
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}

export interface TextType extends Type {
  /** This type with one more rule. */
  where(rule: TextRule): TextType;
  /** This type for a value that no message may quote. */
  readonly secret: TextType;
}

function textType(rules: readonly TextRule[], isSecret: boolean): TextType {
  return {
    where: (rule) => textType([...rules, rule], isSecret),
    get secret() {
      return textType(rules, true);
    },
    read(node, path, report) {
      if (node.kind !== "text") return wrongType(node, path, report, "a string");
      for (const { rule, expected, accepts } of rules) {
        if (!accepts(node.value)) report.expect(node, path, rule, expected, isSecret);
      }
      return node;
    },
  };
}

export const text: TextType = textType([], false);

/** A string with one of these values. */
export function oneOf(rule: string, values: readonly string[]): TextType {
  return text.where({ rule, expected: alternatives(values), accepts: (value) => values.includes(value) });
}

/** `"a", "b" or "c"`. */
export function alternatives(values: readonly string[]): string {
  const quoted = values.map((value) => JSON.stringify(value));
  const last = quoted.pop();
  return quoted.length === 0 ? `${last}` : `${quoted.join(", ")} or ${last}`;
}

export const boolean: Type = {
  read: (node, path, report) =>
    node.kind === "boolean" ? node : wrongType(node, path, report, "true or false"),
};

function integerType(min: bigint, max: bigint, expected: string): Type {
  return {
    read(node, path, report) {
      if (node.kind !== "integer") return wrongType(node, path, report, expected);
      if (node.value < min || node.value > max) {
        report.add(node, path, "type", `${report.render(path)} must be ${expected}.`);
      }
      return node;
    },
  };
}

export const u32: Type = integerType(0n, 2n ** 32n - 1n, `an integer from 0 to ${2n ** 32n - 1n}`);

/** Also for sizes. TOML has no integers above 2^63-1. */
export const u64: Type = integerType(0n, 2n ** 63n - 1n, "an integer of 0 or more");

export const i64: Type = integerType(-(2n ** 63n), 2n ** 63n - 1n, "an integer");

/** A value that dbward does not check when it loads the file. */
export const anything: Type = { read: (node) => node };

export function list(item: Type, rule?: { readonly rule: string; readonly atLeastOne: string }): Type {
  return {
    read(node, path, report) {
      if (node.kind !== "array") return wrongType(node, path, report, "an array");
      if (rule && node.items.length === 0) {
        report.add(
          node,
          path,
          rule.rule,
          `${report.render(path)} must have at least one ${rule.atLeastOne}.`,
        );
      }
      const items = node.items.map((each, index) => item.read(each, child(path, index), report));
      return { ...node, items };
    },
  };
}
