import { describe, expect, it } from "vitest";
import { plainTable } from "./nodes.ts";
import { readToml, TomlError } from "./read-toml.ts";

function refusal(text: string): { offset: number; message: string } {
  try {
    readToml(text);
  } catch (error) {
    if (error instanceof TomlError) return { offset: error.offset, message: error.message };
    throw error;
  }
  throw new Error(`accepted: ${text.slice(0, 100)}`);
}

describe("readToml", () => {
  it("returns values without a prototype, whatever the keys are", () => {
    const table = plainTable(
      readToml('a.b = 1\n[__proto__]\nx = "y"\n[[constructor]]\nz = [1.5, true, 07:32:00]\n'),
    );
    expect(Object.getPrototypeOf(table)).toBeNull();
    expect(JSON.parse(JSON.stringify(table))).toEqual(
      JSON.parse('{"a":{"b":1},"__proto__":{"x":"y"},"constructor":[{"z":[1.5,true,"07:32:00"]}]}'),
    );
  });

  it("keeps integers that a number can't represent", () => {
    expect(plainTable(readToml("a = 9223372036854775807\nb = 9007199254740991"))).toEqual({
      a: 9223372036854775807n,
      b: 9007199254740991,
    });
  });

  it.each([
    ["a carriage return alone", "a = 1\rb = 2\n", 5],
    ["a carriage return alone in a comment", "# a\rb\n", 3],
    ["a control character in a comment", "# \u0000\n", 2],
    ["DEL", "a = 'x\u007f'\n", 6],
    ["a second byte order mark", "\ufeff\ufeffa = 1\n", 1],
    ["an integer above 64 bits", "a = 9223372036854775808\n", 4],
    ["an integer below 64 bits", "a = -9223372036854775809\n", 4],
    ["a fraction beyond a double", "a = 1e400\n", 4],
    ["a digit behind a date at the end", "a = 1979-05-27 1", 15],
    ["a dotted key for the table of a header before", "[a.b.c]\n[a]\nb.d = 1\n", 14],
    ["a header for a table of dotted keys", "[a]\nb.c = 1\n[a.b]\n", 15],
    ["what TOML 1.1 adds: an escape", 'a = "\\e"\n', undefined],
    ["what TOML 1.1 adds: a line break in an inline table", "a = {\n}\n", undefined],
    ["what TOML 1.1 adds: a time without seconds", "a = 07:32\n", undefined],
  ])("refuses %s", (_name, text, offset) => {
    const found = refusal(text);
    if (offset !== undefined) expect(found.offset).toBe(offset);
  });

  it.each([
    ["a byte order mark", "\ufeffa = 1\n"],
    ["a fraction below the smallest double", "a = -1e400\n"],
    ["a header below a table of dotted keys", "[a]\nb.c = 1\n[a.b.d]\n"],
    ["a comment that ends like a date and a digit", "a = 1 # 1979-05-27 1"],
  ])("accepts %s", (_name, text) => {
    expect(() => readToml(text)).not.toThrow();
  });

  it.each([
    ['a = "x', "a string is not closed"],
    ["[a", 'a header is not closed by "]"'],
    ["a = [1, 2", 'an array is not closed by "]"'],
    ["a = 1 b = 2", "there is something else on the same line; each key and header needs its own line"],
    ["a 1", 'a "=" must follow the key'],
    ["a = ", 'a value must follow the "="'],
    ["a = [1 2]", 'a "," must separate two values'],
    ["a = 1\na = 2", "a key is defined twice"],
    ["a = 010", "a number has a leading zero"],
    ["a = { b = 1, }", 'an inline table must not end with ","'],
    ["a = 2026-02-30", "a date does not exist"],
    ["[a.b.c]\n[a]\nb.d = 1", "is defined twice"],
  ])("explains %j: %s", (text, message) => {
    expect(refusal(text).message).toBe(message);
  });

  it.each([
    ["arrays", "x = ", "[", "]", 80],
    ["inline tables", "x = ", "{a=", "}", 80],
  ])("allows fewer than 80 nested %s", (_name, head, open, close, limit) => {
    const nested = (depth: number) =>
      `${head}${open.repeat(depth - 1)}${open === "[" ? "[]" : "{}"}${close.repeat(depth - 1)}\n`;
    expect(() => readToml(nested(limit - 1))).not.toThrow();
    expect(refusal(nested(limit)).message).toContain("80");
  });

  it("allows fewer than 80 names in a key", () => {
    expect(() => readToml(`x${".a".repeat(78)} = 1\n[y${".a".repeat(78)}]\n`)).not.toThrow();
    expect(refusal(`x${".a".repeat(79)} = 1\n`).message).toContain("80");
    expect(refusal(`[x${".a".repeat(79)}]\n`).message).toContain("80");
  });

  it("refuses what would overflow the stack", () => {
    const names = ".a".repeat(78);
    refusal(`x = ${"[".repeat(100_000)}${"]".repeat(100_000)}\n`);
    refusal(`x = ${"{a = ".repeat(8000)}1${"}".repeat(8000)}\n`);
    refusal(`x = ${`{b${names} = `.repeat(70)}1${"}".repeat(70)}\n`);
    refusal(`x = "${"a".repeat(1_000_000)}"\n`);
  });
});
