import { resolve } from "node:path";
import { remark } from "remark";
import validateLinks from "remark-validate-links";
import { engine } from "unified-engine";
import { VFile } from "vfile";
import { files, ROOT, text } from "./repository.ts";

/**
 * Links and anchors of the Markdown files that lead to nothing, as `file:line: what`. Links to the web are
 * not followed.
 */
export async function brokenLinks(): Promise<string[]> {
  const pages = files(/\.md$/).map((path) => new VFile({ path: resolve(ROOT, path), value: text(path) }));
  const context = await new Promise<{ files: VFile[] }>((done, failed) =>
    engine(
      {
        cwd: ROOT,
        processor: remark(),
        files: [...pages, pageOfSources()],
        plugins: [[validateLinks as unknown as () => undefined, { repository: false, root: ROOT }]],
        output: false,
        out: false,
        silent: true,
      },
      (error, _status, result) => (error || !result ? failed(error) : done(result)),
    ),
  );
  return context.files.flatMap(({ path, messages }) =>
    messages.map(({ line, reason }) => `${path.replace(`${ROOT}/`, "")}:${line}: ${reason}`),
  );
}

/** The pages that the product names in its messages and comments, as a Markdown file with one link a line. */
function pageOfSources(): VFile {
  const links = files(/^(packages|functions|infra)\/(?!checks\/).*\.ts$|^[^/]+\.ts$/).flatMap((path) =>
    [...text(path).matchAll(/(?<![\w/])docs\/[\w/-]+\.md(?:#[\w-]+)?/g)].map(
      ([target]) => `- [${path}](${target})`,
    ),
  );
  return new VFile({ path: resolve(ROOT, "sources.md"), value: links.join("\n") });
}
