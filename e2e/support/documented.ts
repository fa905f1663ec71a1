import { shownCommands, withoutStage } from "../../packages/checks/src/commands.ts";
import { files, text } from "../../packages/checks/src/repository.ts";

let shown: ReadonlySet<string> | undefined;

/**
 * A command of `pnpm ops` as a page of the documentation shows it, for a story that runs it. The checks of
 * the repository read the calls of this function: a page may show no command that none of them names.
 *
 * @param line the command, with the page's placeholders; the stage doesn't matter
 * @param values words to take for words of the page, such as an id for `ID`
 * @returns the words behind `pnpm ops`, without the stage
 * @throws Error when no page shows the command
 */
export function documented(line: string, values: Readonly<Record<string, string>> = {}): string[] {
  shown ??= new Set(
    files(/\.md$/)
      .flatMap((page) => shownCommands(page, text(page)))
      .map(({ words }) => withoutStage(words).join(" ")),
  );
  const words = withoutStage(line.split(" ").slice(1));
  if (!shown.has(words.join(" "))) throw new Error(`No page of the documentation shows: ${line}`);
  return words.slice(1).map((word) => values[word] ?? word);
}
