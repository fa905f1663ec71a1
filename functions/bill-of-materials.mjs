// The bill of materials of a bundle, in the JSON of CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * @param {import("esbuild").Metafile} metafile of the bundle
 * @param {{ name: string, version: string }} subject package of the function
 * @returns {string} the packages whose code is in the bundle, each with its version and licence. The same
 * bundle has the same text: it holds no time and no serial number.
 */
export function billOfMaterials({ outputs }, subject) {
  const packages = new Map();
  const bundled = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  for (const file of bundled) {
    if (!file.includes("node_modules/")) continue;
    const { name, version, license } = packageOf(resolve(file));
    packages.set(`${name}@${version}`, {
      type: "library",
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      licenses: [{ expression: license }],
    });
  }
  const components = [...packages.keys()].sort().map((key) => packages.get(key));
  const metadata = { component: { type: "application", name: subject.name, version: subject.version } };
  return `${JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1, metadata, components }, null, 2)}\n`;
}

/**
 * The package of a file: the nearest package.json with a name and a version, as some only set the module's
 * format.
 */
function packageOf(file) {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    let found;
    try {
      found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    if (found?.name !== undefined && found.version !== undefined) {
      if (typeof found.license !== "string")
        throw new Error(
          `Package ${found.name}@${found.version} names no licence, and its code is in a bundle.`,
        );
      return found;
    }
  }
  throw new Error(`${file} belongs to no package.`);
}
