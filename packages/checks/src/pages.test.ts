import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { METRICS } from "@dbward-aws/contract";
import { describe, expect, it } from "vitest";
import { errorIndex } from "./error-index.ts";
import { files, ROOT, text } from "./repository.ts";

const PRODUCT = /^(packages|functions|infra)\/(?!checks\/).*\.ts$/;
const TEST = /\.test\.ts$|\/test-support\//;

/** Codes of the errors that the product's sources make: first argument of `super(…)` or `new DbwardError(…)`. */
function errorCodes(): Map<string, string> {
  const codes = new Map<string, string>();
  for (const path of files(PRODUCT).filter((file) => !TEST.test(file))) {
    for (const match of text(path).matchAll(/(?:\bsuper|new DbwardError)\(\s*["']([a-z][a-z0-9-]*)["']\s*,/g))
      codes.set(match[1]!, path);
  }
  return codes;
}

describe("docs/errors", () => {
  it("has a page for every error code, with its four parts", () => {
    const codes = errorCodes();
    expect(codes.size).toBeGreaterThan(5);
    const wanting = [...codes].filter(([code]) => {
      const page = text(`docs/errors/${code}.md`);
      return !["## Symptom", "## Probable cause", "## Remedy", "## How to verify"].every((part) =>
        page.includes(part),
      );
    });
    expect(wanting).toEqual([]);
  });

  it("has an index of them", async () => {
    await expect(errorIndex()).toMatchFileSnapshot("../../../docs/errors/README.md");
  });

  it("has no page for a code that nothing uses", () => {
    const source = files(PRODUCT).map(text).join("\n");
    const pages = files(/^docs\/errors\/.*\.md$/).map((path) =>
      path.slice("docs/errors/".length, -".md".length),
    );
    expect(pages.filter((code) => code !== "README" && !source.includes(`"${code}"`))).toEqual([]);
  });
});

describe("links in the documentation", () => {
  it("lead to files that exist", () => {
    const broken = files(/\.md$/).flatMap((page) =>
      [...text(page).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map((match) => normalize(join(dirname(page), match[1]!)))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${page} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });
});

describe("the metrics table", () => {
  it("stands in the documentation, name by name", () => {
    const page = text("docs/monitoring.md");
    expect(Object.keys(METRICS).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
