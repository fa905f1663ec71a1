import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ALARM_IDS } from "@dbward-aws/contract";

const require = createRequire(import.meta.url);
const page = (name: string) => fileURLToPath(new URL(`../page/${name}`, import.meta.url));

const fromRoot = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const TEXT = "text/plain; charset=utf-8";
const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

/** Every file of the page, by its path: nothing else of the disk can be asked for. */
const FILES: Readonly<Record<string, readonly [type: string, path: string]>> = {
  "/": [HTML, page("index.html")],
  "/app.js": [SCRIPT, page("app.js")],
  "/charts.js": [SCRIPT, page("charts.js")],
  "/dom.js": [SCRIPT, page("dom.js")],
  "/markdown.js": [SCRIPT, page("markdown.js")],
  "/tables.js": [SCRIPT, page("tables.js")],
  "/styles.css": [STYLE, page("styles.css")],
  "/uplot.js": [SCRIPT, require.resolve("uplot/dist/uPlot.esm.js")],
  ...Object.fromEntries(
    ALARM_IDS.map((id) => [`/runbooks/${id}.md`, [TEXT, fromRoot(`docs/runbooks/${id}.md`)] as const]),
  ),
  "/uplot.css": [STYLE, require.resolve("uplot/dist/uPlot.min.css")],
};

/** A file of the page, or `undefined` when the path names none. */
export async function staticFile(path: string): Promise<{ type: string; body: Buffer } | undefined> {
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  return file && { type: file[0], body: await readFile(file[1]) };
}
