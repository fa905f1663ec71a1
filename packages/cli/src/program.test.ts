import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DbwardError } from "@dbward-aws/core";
import { afterAll, describe, expect, it } from "vitest";
import { completionScript } from "./completion-script.ts";
import { UsageError } from "./errors.ts";
import { commandsFor, type Program, runProgram } from "./program.ts";

interface Shop {
  readonly city: string;
  print(line: string): void;
}
const command = commandsFor<Shop>();

const buy = command({
  command: "buy <what> [count]",
  summary: "Buy something",
  examples: [["buy bread 2", "Two loaves"]],
  options: (yargs) =>
    yargs
      .positional("what", { choices: ["bread", "milk"], demandOption: true })
      .positional("count", { type: "number" })
      .option("gift-wrapped", { type: "boolean" }),
  async run({ city, print }, { what, count = 1, giftWrapped = false, "--": rest }) {
    print(JSON.stringify({ city, what, count, giftWrapped, ...(rest === undefined ? {} : { rest }) }));
    return 0;
  },
});

const fail = (error: unknown) => async () => {
  throw error;
};

const SHOP: Program<Shop, { city: string | undefined }> = {
  name: "pnpm shop",
  summary: "Go shopping.",
  commands: [
    buy,
    command({
      command: "list",
      summary: "Lists",
      commands: [
        command({ command: ["show", "$0"], summary: "Show the list", run: async () => 1 }),
        command({ command: "add <item>", summary: "Add to the list", run: async () => 0 }),
      ],
    }),
    command({
      command: "pack [things..]",
      summary: "Pack",
      options: (yargs) => yargs.positional("things", { type: "string", array: true, default: [] }),
      async run({ city, print }, { things }) {
        print(`${city} ${things.join(" ")}`);
        return 0;
      },
    }),
    command({
      command: "open <shop>",
      summary: "Open a shop",
      options: (yargs) => yargs.positional("shop", { type: "string" }),
      async runWithoutContext({ print }, options) {
        print(JSON.stringify(options));
        return 0;
      },
    }),
    command({
      command: "fail-known",
      summary: "Fail",
      run: fail(new DbwardError("closed", "The shop is closed.", { hint: "Come back \u001b[2Jtomorrow." })),
    }),
    command({ command: "fail-unknown", summary: "Fail", run: fail(new RangeError("a mistake")) }),
    command({ command: "fail-usage", summary: "Fail", run: fail(new UsageError("Wrong.", "Right.")) }),
  ],
  options: (yargs) => yargs.option("city", { alias: "c", type: "string", requiresArg: true }),
  context: async ({ city = "Bern" }, { print }) => ({ city, print }),
  complete: async (words) => (words.at(-2) === "--city" ? ["Bern", "Basel"] : undefined),
};

async function shop(...words: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runProgram(SHOP, words, {
    directory: ".",
    print: (line) => out.push(line),
    complain: (line) => err.push(line),
    write: async () => {},
    signal: new AbortController().signal,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

describe("runProgram", () => {
  it("gives a command its words, its options and the context", async () => {
    const { code, out } = await shop("buy", "milk", "3", "--gift-wrapped", "-c", "Basel");
    expect([code, JSON.parse(out)]).toEqual([
      0,
      { city: "Basel", what: "milk", count: 3, giftWrapped: true },
    ]);
  });

  it("makes no context for a command that needs none, and gives it the options of all commands", async () => {
    const { out } = await shop("open", "bakery", "-c", "Thun");
    expect(JSON.parse(out)).toMatchObject({ shop: "bakery", city: "Thun" });
  });

  it("leaves what follows -- to the command", async () => {
    const { out } = await shop("buy", "milk", "--", "sh", "-c", "exit 3", "--help");
    expect(JSON.parse(out)).toMatchObject({ rest: ["sh", "-c", "exit 3", "--help"] });
  });

  it("takes the last value of an option that stands twice, and all words of a list", async () => {
    const { out } = await shop("-c", "Basel", "pack", "a", "b", "--city", "Chur");
    expect(out).toBe("Chur a b");
  });

  it("runs the default command of a group, and returns its exit code", async () => {
    expect(await shop("list")).toMatchObject({ code: 1 });
    expect(await shop("list", "add", "tea")).toMatchObject({ code: 0 });
  });

  it.each([
    [
      ["buy", "milk", "--gift-wraped"],
      /shop buy has no option --gift-wraped\. Did you mean --gift-wrapped\?/,
    ],
    [
      ["buy", "milk", "--nonsense=1"],
      /shop buy has no option --nonsense\. Usage: pnpm shop buy <what> \[count\]\./,
    ],
    [["buy", "milk", "-x"], /no option -x\./],
    [["buy", "bred"], /<what> must be one of bread, milk, not "bred"\./],
    [["buy"], /pnpm shop buy requires <what>\. Usage: .* More: pnpm shop buy --help\./],
    [["buy", "milk", "1", "more", "words"], /doesn't accept "more"\. .*doesn't accept "words"\./],
    [["buy", "milk", "--city"], /--city requires a value\./],
    [["by"], /pnpm shop has no command "by"\. Did you mean buy\? Commands: buy, list, /],
    [["list", "ad", "tea"], /pnpm shop list has no command "ad"\. Did you mean add\?/],
    [["fail-usage"], /^Wrong\. Right\. \[usage\]$/],
  ])("rejects %j with the exit code 2", async (words, expected) => {
    expect(await shop(...words)).toEqual({ code: 2, out: "", err: expect.stringMatching(expected) });
  });

  it("shows its help with the exit code 0 when asked, and 2 when the command is missing", async () => {
    expect(await shop("--help")).toMatchObject({ code: 0, out: expect.stringContaining("pnpm shop buy") });
    expect(await shop()).toMatchObject({ code: 2, out: expect.stringContaining("pnpm shop buy") });
  });

  it("runs the default command of a program, with its options", async () => {
    const start = command({
      command: ["start", "$0"],
      summary: "Start",
      options: (yargs) => yargs.option("detach", { type: "boolean" }),
      run: async (_shop, { detach }) => (detach ? 5 : 4),
    });
    const io = {
      directory: ".",
      print: () => {},
      complain: () => {},
      write: async () => {},
      signal: new AbortController().signal,
    };
    const withDefault = { ...SHOP, commands: [...SHOP.commands, start] };
    expect(await runProgram(withDefault, [], io)).toBe(4);
    expect(await runProgram(withDefault, ["--detach"], io)).toBe(5);
    expect(await runProgram(withDefault, ["stat"], io)).toBe(2);
  });

  it("shows an example and every option of a command", async () => {
    const { code, out } = await shop("buy", "--help");
    expect(code).toBe(0);
    for (const text of ["pnpm shop buy <what> [count]", "pnpm shop buy bread 2", "--gift-wrapped", "--city"])
      expect(out).toContain(text);
  });

  it("prints an error for the user without its stack and without terminal controls", async () => {
    expect(await shop("fail-known")).toEqual({
      code: 1,
      out: "",
      err: "The shop is closed. Come back \\x1b[2Jtomorrow. [closed]",
    });
  });

  it("keeps the stack of an error that is a bug", async () => {
    const { code, err } = await shop("fail-unknown");
    expect([code, err]).toEqual([1, expect.stringMatching(/^RangeError: a mistake\n +at /)]);
  });

  it.each([
    [[""], ["buy", "list", "completion"]],
    [
      ["buy", ""],
      ["bread", "milk"],
    ],
    [
      ["buy", "--g"],
      ["--gift-wrapped", "--city"],
    ],
    [["list", ""], ["add"]],
  ])("completes %j", async (words, expected) => {
    const { out } = await shop("--get-yargs-completions", ...words);
    expect(out.split("\n")).toEqual(expect.arrayContaining(expected));
  });

  it("completes values that only the program knows", async () => {
    expect((await shop("--get-yargs-completions", "buy", "--city", "")).out).toBe("Bern\nBasel");
  });
});

describe("completionScript", () => {
  const folder = mkdtempSync(join(tmpdir(), "completion-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  // Stands for `pnpm -s shop …`: prints the words that it was asked with.
  writeFileSync(join(folder, "pnpm"), '#!/bin/sh\nshift 3\nprintf "%s\\n" "bread" "milk" "asked:$*"\n');
  chmodSync(join(folder, "pnpm"), 0o755);

  function complete(before: string, ...words: string[]): string[] {
    const script = `${before}
${completionScript("pnpm shop", "bash")}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}
read -r _ _ _ _ completer _ <<< "$(complete -p pnpm)"
"$completer"
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const PATH = `${folder}:${process.env.PATH}`;
    return execFileSync("bash", ["--norc", "-c", script], { env: { PATH }, encoding: "utf8" })
      .trim()
      .split("\n");
  }

  it("asks the program for the words that begin as the typed one, in bash", () => {
    expect(complete("", "pnpm", "shop", "buy", "m")).toEqual(["milk"]);
    expect(complete("", "pnpm", "shop", "buy", "--city", "as")).toEqual(["asked:buy --city as"]);
  });

  it("leaves other commands to the completion that was there before, once and again", () => {
    const former = "former() { COMPREPLY=(install); }\ncomplete -F former pnpm";
    expect(complete(former, "pnpm", "in")).toEqual(["install"]);
    expect(complete(`${former}\n${completionScript("pnpm shop", "bash")}`, "pnpm", "in")).toEqual([
      "install",
    ]);
    expect(complete(`${former}\n${completionScript("pnpm other", "bash")}`, "pnpm", "in")).toEqual([
      "install",
    ]);
  });
});
