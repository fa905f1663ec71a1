import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { files, ROOT } from "./repository.ts";

/** Licences that let the code be passed on in a bundle under another licence. */
const ALLOWED = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"];
const FUNCTIONS = files(/^functions\/[^/]+\/package\.json$/).map((path) => path.split("/")[1]!);

interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses: readonly { readonly expression: string }[];
  }[];
}

const out = mkdtempSync(join(tmpdir(), "bundle-"));
afterAll(() => rmSync(out, { recursive: true }));

describe.each(FUNCTIONS)("the bundle of %s", (name) => {
  const bundle = join(out, name);
  execFileSync(process.execPath, ["../bundle.mjs", bundle], { cwd: join(ROOT, "functions", name) });
  const bill = JSON.parse(readFileSync(`${bundle}.cdx.json`, "utf8")) as Bill;

  it("has a bill of materials with the packages that it imports, of versions that are installed", () => {
    expect([bill.bomFormat, bill.specVersion]).toEqual(["CycloneDX", "1.6"]);
    const names = bill.components.map((component) => component.name);
    expect(names).toContain("@aws-sdk/client-secrets-manager");
    expect(names).toContain("@smithy/core");
    expect(new Set(bill.components.map(({ purl }) => purl)).size).toBe(bill.components.length);
    for (const { purl, version } of bill.components)
      expect(purl).toMatch(new RegExp(`^pkg:npm/(%40[^/]+/)?[^/@]+@${version.replaceAll(".", "\\.")}$`));
  });

  it("holds no code under a licence that does not allow it", () => {
    const refused = bill.components.filter(({ licenses }) =>
      licenses.some(({ expression }) => !ALLOWED.includes(expression)),
    );
    expect(refused.map(({ name, licenses }) => `${name}: ${licenses[0]!.expression}`)).toEqual([]);
  });
});
