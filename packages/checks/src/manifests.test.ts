import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { files, ROOT, text } from "./repository.ts";

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly files?: readonly string[];
  readonly engines?: { readonly node: string };
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const SOURCE = "@dbward-aws/source";

const manifests = files(/(^|\/)package\.json$/).map((path) => ({
  folder: dirname(path),
  manifest: JSON.parse(text(path)) as Manifest,
}));
const root = manifests.find(({ folder }) => folder === ".")!.manifest;
const libraries = manifests.filter(({ manifest }) => manifest.exports !== undefined);

describe("package.json", () => {
  it.each(libraries)(
    "of $folder offers what its build makes, and its source to this workspace",
    ({ folder, manifest }) => {
      expect(manifest.files).toContain("dist");
      expect(manifest).toMatchObject({ license: root.license, engines: root.engines });
      for (const [path, targets] of Object.entries(manifest.exports!)) {
        expect(Object.keys(targets), path).toEqual([SOURCE, "types", "default"]);
        const source = targets[SOURCE]!;
        expect(existsSync(join(ROOT, folder, source)), source).toBe(true);
        const built = source.replace(/^\.\/(?:src\/)?/, "./dist/");
        expect(targets).toMatchObject({
          types: built.replace(/\.ts$/, ".d.ts"),
          default: built.replace(/\.ts$/, ".js"),
        });
      }
    },
  );

  it("names the version of what two packages need in the catalog alone", () => {
    const versions = manifests.flatMap(({ folder, manifest: { dependencies, devDependencies } }) =>
      Object.entries({ ...dependencies, ...devDependencies })
        .filter(([, version]) => !/^(workspace|catalog):/.test(version))
        .map(([name]) => ({ name, folder })),
    );
    const catalog = text("pnpm-workspace.yaml");
    const twice = versions.filter(
      ({ name }, at) =>
        versions.findIndex((other) => other.name === name) !== at ||
        catalog.includes(`  ${name}: `) ||
        catalog.includes(`  "${name}": `),
    );
    expect(twice).toEqual([]);
  });
});
