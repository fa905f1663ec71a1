// Bundles the function in whose folder it is started:
//
//     node ../bundle.mjs [folder, else dist]
//
// The packages in it are listed in a file beside the folder, dist.cdx.json.
//
// The SDK is part of the bundle, so that what was tested is what runs. ESM and `module` before `main` halve
// its size and load time compared to CDK's default bundling. The same sources always give the same bytes.
//
// A synth that runs at the same time never finds an incomplete bundle: each file is moved into the folder as
// a whole, the entry after the chunks that it imports, and files that are no longer needed are deleted last.
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { billOfMaterials } from "./bill-of-materials.mjs";

// esbuild is a dependency of each function.
const { build } = createRequire(`${process.cwd()}/`)("esbuild");

const outdir = resolve(process.argv[2] ?? "dist");

const { outputFiles, metafile } = await build({
  entryPoints: { index: "src/handler.ts" },
  outdir,
  write: false,
  outExtension: { ".js": ".mjs" },
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20.19",
  format: "esm",
  mainFields: ["module", "main"],
  // Setting conditions disables esbuild's own `module`, without which it bundles the CommonJS half of the
  // SDK, which does not load.
  conditions: ["@dbward-aws/source", "module"],
  alias: {
    "@aws-sdk/credential-provider-node": fileURLToPath(new URL("lambda-credentials.mjs", import.meta.url)),
  },
  minify: true,
  metafile: true,
  // Never imported at run time. `ws`: Node 22 has its own WebSocket client, which saves 50 kB and 20 ms at
  // each cold start. `bowser` is for browsers.
  external: ["ws", "bowser"],
  logLevel: "warning",
});

await mkdir(outdir, { recursive: true });
// Beside the bundle, not in it: what is in it is uploaded.
await writeFile(
  `${outdir}.cdx.json`,
  billOfMaterials(metafile, JSON.parse(await readFile("package.json", "utf8"))),
);
const entryLast = outputFiles.toSorted((a, b) => a.path.endsWith("index.mjs") - b.path.endsWith("index.mjs"));
const staging = await mkdtemp(`${dirname(outdir)}/.${basename(outdir)}-`);
for (const { path, contents } of entryLast) {
  await writeFile(join(staging, basename(path)), contents);
  await rename(join(staging, basename(path)), path);
}
await rm(staging, { recursive: true });
const names = new Set(outputFiles.map(({ path }) => basename(path)));
for (const name of await readdir(outdir))
  if (!names.has(name)) await rm(join(outdir, name), { recursive: true });
