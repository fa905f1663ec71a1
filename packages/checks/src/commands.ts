/** A command line that a page shows. */
export interface ShownCommand {
  readonly page: string;
  /** The words behind `pnpm`, without its own options, placeholders as they are. */
  readonly words: readonly string[];
}

/** What ends a command in a line of a shell. */
const END = /\s(?:#|\||&&|;|>)|[;)"`]|$/;

/** The commands of `pnpm` in the code spans and code blocks of a page. */
export function shownCommands(page: string, markdown: string): ShownCommand[] {
  const code = [
    ...[...markdown.matchAll(/^ *```(?:sh|bash|text)?\n(.*?)^ *```/gms)].flatMap(([, block]) =>
      block!.split("\n"),
    ),
    ...[...markdown.replace(/^ *```.*?^ *```/gms, "").matchAll(/`([^`\n]+)`/g)].map(([, span]) => span!),
  ];
  return code.flatMap((line) =>
    [...line.matchAll(/(?<![\w./@-])(?:npx -y )?pnpm(?:@[\d.]+)? (?:-s )?(.*)/g)].map(([, rest]) => ({
      page,
      words: rest!.slice(0, rest!.search(END)).trim().split(/\s+/),
    })),
  );
}

/**
 * Whether a command that a test runs is one that a page shows, whose words in capitals stand for any word.
 */
export function isShown(run: readonly string[], shown: readonly string[]): boolean {
  return run.length === shown.length && shown.every((word, at) => word === run[at] || /^[A-Z]+$/.test(word));
}

/** Words of a command without `--stage NAME`. */
export function withoutStage(words: readonly string[]): string[] {
  return words.filter((word, at) => word !== "--stage" && words[at - 1] !== "--stage");
}

/** Words of a command without the arguments of dbward's own command line, when it runs that. */
export function withoutDbward(words: readonly string[]): string[] {
  const at = words.indexOf("dbward", words.indexOf("--"));
  return at > 0 && words[at - 1] === "--" ? words.slice(0, at + 1) : [...words];
}
