import { existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import sirv from "sirv";

const require = createRequire(import.meta.url);
const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const RUNBOOKS = "/runbooks/";

type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/**
 * Serves the files of the page: its own, those of the chart library, and the runbooks of a checkout. The folders are read once:
 * no other file can be asked for.
 *
 * @returns a handler that calls `next` for a path that names none
 */
export function staticFiles(): Handler {
  const page = serve(folder("../page"));
  const charts = serve(dirname(require.resolve("uplot/dist/uPlot.esm.js")));
  const runbooks = serve(folder("../../../docs/runbooks"));
  return (request, response, next) => {
    if (!request.url?.startsWith(RUNBOOKS))
      return page(request, response, () => charts(request, response, next));
    request.url = request.url.slice(RUNBOOKS.length - 1);
    runbooks(request, response, next);
  };
}

function serve(directory: string): Handler {
  if (!existsSync(directory)) return (_request, _response, next) => next();
  return sirv(directory, {
    setHeaders: (response, path) => {
      // A browser shows text, and saves Markdown to a file.
      if (path.endsWith(".md")) response.setHeader("content-type", "text/plain; charset=utf-8");
    },
  });
}
