// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are references of dbward
import { describe, expect, it } from "vitest";
import { expand, expandVariables } from "./expand.ts";
import { variablesIn } from "./references.ts";

const VARIABLES = { A: "a", EMPTY: "", lower: "l", A_1: "one", REF: "${X}", DOLLAR: "$", BRACES: "{A}" };

describe("expandVariables", () => {
  it.each([
    ["${A}", "a"],
    ["${lower}${A_1}", "lone"],
    ["${EMPTY}", ""],
    ["${EMPTY:-x}", ""],
    ["${UNSET:-x}", "x"],
    ["${UNSET:-}", ""],
    ["${UNSET:-x}y}", "xy}"],
    ["${UNSET:-two\nlines}", "two\nlines"],
    ["$A $$ $(A) $ {A} {A} $", "$A $$ $(A) $ {A} {A} $"],
    ["$${A} \\${A}", "$a \\a"],
    ['"\\u0024{A}"', '"\\u0024{A}"'],
    ["# ${A}", "# a"],
  ])("expands %j to %j", (text, expanded) => {
    expect(expandVariables(text, VARIABLES)).toEqual({ text: expanded, problems: [] });
  });

  it.each([
    ["${UNSET}", "variable-unset"],
    ["${a}", "variable-unset"],
    ["# ${UNSET}", "variable-unset"],
    ["${toString}", "variable-unset"],
    ["${__proto__}", "variable-unset"],
    ["${A:-${A}}", "variable-nested"],
    ["${UNSET:-${A}}", "variable-nested"],
    ["${}", "variable-malformed"],
    ["${1}", "variable-malformed"],
    ["${A-b}", "variable-malformed"],
    ["${A:?b}", "variable-malformed"],
    ["${ A }", "variable-malformed"],
    ["${a.b}", "variable-malformed"],
    ["${...}", "variable-malformed"],
    ["${A", "variable-malformed"],
    ["${A:-b", "variable-malformed"],
    ["${REF}", "variable-malformed"],
    ["$${BRACES}", "variable-malformed"],
    ["${DOLLAR}{", "variable-malformed"],
  ])("refuses %j", (text, rule) => {
    const { problems } = expandVariables(`first line\n${text}\n`, VARIABLES);
    expect(problems.map(({ line, rule: name }) => ({ line, rule: name }))).toEqual([{ line: 2, rule }]);
  });

  it("names every problem, in the order of the lines", () => {
    const { problems } = expandVariables("${}\n${B}\n\n${A:-${C}} ${D}\n", VARIABLES);
    expect(problems.map(({ line, rule }) => `${line} ${rule}`)).toEqual([
      "1 variable-malformed",
      "2 variable-unset",
      "4 variable-nested",
      "4 variable-unset",
    ]);
  });

  it("does not repeat a value that contains a reference", () => {
    const [problem] = expandVariables("x = ${TOKEN}", { TOKEN: "secret-${" }).problems;
    expect(problem?.message).toContain("${TOKEN}");
    expect(problem?.message).not.toContain("secret-");
  });

  it.each([
    ["references without an end", "${A:-", 200_000],
    ["openings", "${", 500_000],
    ["references", "${A}", 250_000],
    ["missing variables", "${B}\n", 200_000],
  ])("handles a megabyte of %s", (_name, piece, count) => {
    const start = performance.now();
    expandVariables(piece.repeat(count), VARIABLES);
    expect(performance.now() - start).toBeLessThan(15_000);
  });
});

describe("SourceMap", () => {
  it("finds the line of the original for each line of the expanded text", () => {
    const text = "a\n${THREE}b\n${UNSET:-d\ne}\nf";
    const { text: expanded, source } = expand(text, { THREE: "1\n2\n3\n" });
    expect(expanded).toBe("a\n1\n2\n3\nb\nd\ne\nf");
    const lines = [..."a123bdef"].map((character) => source.line(expanded.indexOf(character)));
    expect(lines).toEqual([1, 2, 2, 2, 2, 3, 4, 5]);
  });

  it("knows where the value of a variable is, and what was written there", () => {
    const { text, source } = expand('x = "a${A}b"\n', VARIABLES);
    const span = { start: text.indexOf('"'), end: text.indexOf("\n") };
    expect(source.holdsValue(span)).toBe(true);
    expect(source.holdsValue({ start: 0, end: 3 })).toBe(false);
    expect(source.written(span)).toBe('"a${A}b"');
  });

  it("sees a variable that is empty", () => {
    const { text, source } = expand('"${EMPTY}"', VARIABLES);
    expect(source.holdsValue({ start: 0, end: text.length })).toBe(true);
  });
});

describe("variablesIn", () => {
  it("returns each variable once, optional when every reference has a default", () => {
    expect(variablesIn("# ${A}\n${B:-x}${C:-}\n${B:-y}${C} ${1} ${A:-z}")).toEqual([
      { name: "A", optional: false },
      { name: "B", optional: true },
      { name: "C", optional: false },
    ]);
  });
});
