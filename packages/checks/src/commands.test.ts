import { describe, expect, it } from "vitest";
import { runLocal } from "../../local-cloud/src/cli/run-local.ts";
import { runCli } from "../../ops/src/run-cli.ts";
import { isShown, type ShownCommand, shownCommands, withoutDbward, withoutStage } from "./commands.ts";
import { files, ROOT, text } from "./repository.ts";

const shown = files(/\.md$/)
  .filter((path) => !/^(CHANGELOG\.md|docs\/decisions\/)/.test(path))
  .flatMap((path) => shownCommands(path, text(path)));
const linesOf = (commands: readonly ShownCommand[]) => [
  ...new Map(commands.map((command) => [command.words.join(" "), command])).entries(),
];

/** What `--help` prints behind some words of a command line. */
async function help(words: readonly string[]): Promise<string> {
  const [program, ...rest] = words;
  const lines: string[] = [];
  const io = {
    directory: ROOT,
    print: (line: string) => void lines.push(line),
    complain: (line: string) => void lines.push(line),
    write: async () => {},
    signal: new AbortController().signal,
  };
  const argv = [...rest, "--help"];
  await (program === "ops" ? runCli(argv, io) : runLocal(argv, ROOT, io));
  return lines.join("\n");
}

/** The part of a command line that names a command: `["ops", "tokens", "get"]` of `ops tokens get admin`. */
async function commandOf(words: readonly string[]): Promise<string[]> {
  const command = [words[0]!];
  for (const word of words.slice(1)) {
    if (!/^[a-z][a-z-]*$/.test(word)) break;
    const deeper = [...command, word];
    if (!(await help(deeper)).startsWith(`pnpm ${deeper.join(" ")} `)) break;
    command.push(word);
  }
  return command;
}

describe("commands in the documentation", () => {
  const own = shown.filter(({ words }) => words[0] === "ops" || words[0] === "local");

  it("are many", () => expect(own.length).toBeGreaterThan(50));

  it.each(linesOf(own))("pnpm %s", async (_line, { words }) => {
    const command = await commandOf(words);
    const usage = await help(command);
    const rest = words.slice(command.length);
    const ownWords = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
    // A word that names no command is a value: of an option, or of a place in the usage line.
    if (ownWords[0] !== undefined && /^[a-z]/.test(ownWords[0]))
      expect(usage).toMatch(/^pnpm [^\n]*[<[](?!options|command)/);
    for (const [option] of ownWords.join(" ").matchAll(/(?<=^|[\s[])--[a-z-]+/g))
      expect(usage).toContain(option);
  });

  /** Texts of these test files that match, by the first group of the pattern that took part. */
  const textsIn = (paths: RegExp, pattern: RegExp) =>
    files(paths).flatMap((path) =>
      [...text(path).matchAll(pattern)].map(([, first, second]) => first ?? second!),
    );
  const run = [
    // Stories take these from their pages.
    ...textsIn(/^e2e\/[^/]+\.test\.ts$/, /\bdocumented\(\s*"pnpm ([^"]+)"|^ *\["pnpm ([^"]+)", /gm),
    // These run against recorded answers of AWS; further options of a test don't matter.
    ...textsIn(
      /^packages\/ops\/src\/commands\/.*\.test\.ts$/,
      /\b(?:ops|run)\(["`]((?:backup|restore|bucket-policy|start|stop)\b[^"`]*)["`]/g,
    )
      .flatMap((line) => [
        line,
        line.replace(/( --[^ ]+( [^-][^ ]*)?)+$/, ""),
        line.replace(/( --(yes|json|dry-run))+$/, ""),
      ])
      .map((line) => `ops ${line}`),
  ].map((line) => withoutDbward(withoutStage(line.split(" "))));

  it.each(linesOf(own.filter(({ words }) => words[0] === "ops" && words.length > 1)))(
    "pnpm %s is run by a test",
    (line, { words }) => {
      // The tests above print help. Tests of packages/ops run completion and init, and take the latter from
      // its page.
      if (/ --help$| completion |^ops (init|…)/.test(line)) return;
      const command = withoutDbward(withoutStage(words));
      expect(run.some((each) => isShown(each, command))).toBe(true);
    },
  );

  it("are none of the AWS CLI, which no test runs", () => {
    const pages = files(/\.md$/).filter((path) => /^(README\.md|docs\/(?!decisions\/))/.test(path));
    const found = pages.flatMap((path) =>
      [...text(path).matchAll(/(?:`|^\s*|\(|\| )aws [a-z0-9-]+ [a-z-]+.*$/gm)].map(
        ([line]) => `${path}: ${line}`,
      ),
    );
    expect(found).toEqual([]);
  });

  it("are scripts of this repository, or commands of pnpm", () => {
    const { scripts } = JSON.parse(text("package.json"));
    const known = [...Object.keys(scripts), "install", "pack", "turbo", "exec", "-r"];
    const lost = shown
      .filter(({ words }) => /^[a-z]/.test(words[0]!) && !known.includes(words[0]!))
      .map(({ page, words }) => `${page}: pnpm ${words.join(" ")}`);
    expect(lost).toEqual([]);
  });
});
