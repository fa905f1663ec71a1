import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const page = readFileSync(join(ROOT, "docs/parity.md"), "utf8");

/** Rows of the page's tables: line of the hand-run deployment, and its test's file and name. */
const rows = [...page.matchAll(/^\| (.+?) \| .+ \| `([^`]+\.test\.ts)`: (.+) \|$/gm)].map(
  ([, line, file, name]) => ({ line: line!, file: file!, name: name! }),
);

describe("docs/parity.md", () => {
  it("has a test in every row", () => {
    const all = page.split("\n").filter((text) => /^\| (?!Line |---)/.test(text) && !text.startsWith("|---"));
    expect(rows).toHaveLength(all.length);
    expect(rows.length).toBeGreaterThan(60);
  });

  it.each(rows)("$line: its test exists", ({ file, name }) => {
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(readFileSync(join(ROOT, file), "utf8")).toContain(`it("${name}"`);
  });
});
