// Bundles app.ts with dbward.config.ts and our own packages into dist/app.cjs, for `pnpm synth`:
//
//     node bundle-app.mjs [entry, else app.ts] [bundle, else dist/app.cjs]
//
// A synthesis from the bundle takes about half the time of one from the sources
// (docs/decisions/140-synthesis-from-a-bundle.md). turbo runs this, and keeps its output while no source
// changes.
import { readFile } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { build } from "esbuild";

const root = import.meta.dirname;
const [entry = "app.ts", bundle = "dist/app.cjs"] = process.argv.slice(2);
const outfile = resolve(root, bundle);

/**
 * What `import.meta` is in CommonJS, at the top of the bundle. The path of a module is relative to the folder
 * of the bundle.
 */
function importMeta(path) {
  const filename = require("node:path").join(__dirname, path);
  return {
    filename,
    dirname: require("node:path").dirname(filename),
    url: require("node:url").pathToFileURL(filename).href,
  };
}

/**
 * Gives each module the `import.meta` of its source. Relative, as turbo shares its cache between checkouts.
 */
const importMetaOfSources = {
  name: "import-meta-of-sources",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const call = `importMeta(${JSON.stringify(relative(dirname(outfile), path))})`;
      return { loader: "ts", contents: source.replaceAll("import.meta", call) };
    });
  },
};

await build({
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
  bundle: true,
  platform: "node",
  target: "node20.19",
  // aws-cdk-lib loads a module when a name of it is first used, but the import of an ES module uses all names
  // at once: 870 modules instead of 380.
  format: "cjs",
  conditions: ["@dbward-aws/source"],
  // Only deployments import the package whose clients ask an account, so it is not in the bundle; its choice
  // of an identity is.
  alias: { "@dbward-aws/stage/identity": "./packages/stage/src/identity.ts" },
  external: ["aws-cdk-lib", "constructs", "@dbward-aws/stage"],
  plugins: [importMetaOfSources],
  banner: { js: importMeta.toString() },
  logLevel: "warning",
});
