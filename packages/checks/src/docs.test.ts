import { describe, expect, it } from "vitest";
import { brokenLinks } from "./links.ts";
import { files, text } from "./repository.ts";

it("links of pages, and pages that sources name, exist with their sections", async () => {
  expect(await brokenLinks()).toEqual([]);
}, 120_000);

describe("docs/errors.md", () => {
  it("has sections for codes that the product uses, and no others", () => {
    const sources = files(/^(packages|functions|infra)\/(?!checks\/).*(?<!\.test)\.ts$/)
      .map(text)
      .join("\n");
    const codes = [...text("docs/errors.md").matchAll(/^### (.+)$/gm)].map(([, code]) => code!);
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.filter((code) => !sources.includes(`"${code}"`))).toEqual([]);
  });
});
