import { expect, it } from "vitest";
import { files, text } from "./repository.ts";

it("the version of what two packages need stands in the catalog alone", () => {
  const versions = files(/(^|\/)package\.json$/).flatMap((path) => {
    const { dependencies, devDependencies } = JSON.parse(text(path));
    return Object.entries<string>({ ...dependencies, ...devDependencies })
      .filter(([, version]) => !/^(workspace|catalog):/.test(version))
      .map(([name]) => name);
  });
  const catalog = text("pnpm-workspace.yaml");
  const twice = versions.filter(
    (name, at) =>
      versions.indexOf(name) !== at || catalog.includes(`  ${name}: `) || catalog.includes(`  "${name}": `),
  );
  expect(twice).toEqual([]);
});
