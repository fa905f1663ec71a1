// Bundles the function in whose folder it is started:
//
//     node ../bundle.mjs [folder, else dist]
//
// ESM and `module` before `main` halve size and load time against CDK's default bundling; the SDK is inside, so that what was tested is
// what runs. The same sources give the same bytes.
//
// The folder is good at every moment, so that a synth meanwhile never misses it: files that are there already stay untouched, new ones are
// moved in whole, the entry comes after its chunks, and what is left over goes last.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

// A dependency of each function: this file's own folder has none.
const { build } = createRequire(`${process.cwd()}/`)("esbuild");

const outdir = resolve(process.argv[2] ?? "dist");

const { outputFiles } = await build({
  entryPoints: { index: "src/handler.ts" },
  outdir,
  write: false,
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  mainFields: ["module", "main"],
  // Naming conditions drops esbuild's own `module`, without which the SDK's CommonJS half is taken and can't be loaded.
  conditions: ["@dbward-aws/source", "module"],
  alias: {
    "@aws-sdk/credential-provider-node": fileURLToPath(new URL("lambda-credentials.mjs", import.meta.url)),
  },
  minify: true,
  // For stack traces that say something: source maps would double what is deployed, and slow down what reads them.
  keepNames: true,
  // Node 22 brings its own WebSocket client: leaving `ws` out saves 50 kB and 20 ms at every cold start. The SDK asks for `bowser` in
  // browsers alone.
  external: ["ws", "bowser"],
  logLevel: "warning",
});
await replaceContents(outdir, outputFiles);

/** Makes a folder hold exactly these files; `index.mjs` is the last to change. */
async function replaceContents(folder, files) {
  await mkdir(folder, { recursive: true });
  const beside = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
  try {
    const isEntry = ({ path }) => path === join(folder, "index.mjs");
    for (const file of files.toSorted((one, other) => Number(isEntry(one)) - Number(isEntry(other)))) {
      if (await isAlready(file)) continue;
      const whole = join(beside, basename(file.path));
      await writeFile(whole, file.contents);
      await mkdir(dirname(file.path), { recursive: true });
      await rename(whole, file.path);
    }
  } finally {
    await rm(beside, { recursive: true });
  }
  const wanted = new Set(files.map(({ path }) => relative(folder, path)));
  const folders = new Set([...wanted].map(dirname));
  for (const name of await readdir(folder, { recursive: true })) {
    if (!wanted.has(name) && !folders.has(name))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function isAlready({ path, contents }) {
  const found = await readFile(path).catch(() => undefined);
  return found?.equals(contents) ?? false;
}
