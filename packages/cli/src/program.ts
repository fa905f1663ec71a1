import { DbwardError, displayText } from "@dbward-aws/core";
import yargs, { type ArgumentsCamelCase, type Argv } from "yargs";
import { completionScript, SHELLS } from "./completion-script.ts";
import { UsageError } from "./errors.ts";
import type { CliIo } from "./io.ts";
import { describeMistake, NO_COMMAND } from "./mistakes.ts";

/** One command of a {@link Program}. */
export interface Command<Context, Options = object> {
  /**
   * Name and positional arguments in the notation of yargs, such as `restart <part> [name]`. Further names
   * follow in a list; with `$0` among them the command runs where its parent's name stands alone.
   */
  readonly command: string | readonly string[];
  /** One line for the list of commands. */
  readonly summary: string;
  /**
   * Example lines without the program's name, each with a short explanation. At least one, unless there are
   * `commands`.
   */
  readonly examples?: readonly (readonly [line: string, explanation: string])[];
  /** Declares positional arguments and options. */
  options?(yargs: Argv): Argv<Options>;
  /** It needs no account: see {@link Program.context}. @default false */
  readonly offline?: boolean;
  /** Commands below this one, such as `tokens get`. */
  // biome-ignore lint/suspicious/noExplicitAny: commands of one list have different options
  readonly commands?: readonly Command<Context, any>[];
  /**
   * Words after `--` are in `options["--"]`.
   * @returns the exit code: 0 for success, 1 when something is wrong
   */
  run?(context: Context, options: ArgumentsCamelCase<Options>): Promise<number>;
  /**
   * As {@link run}, for a command that makes what a context is made of: none is made for it. Options of all
   * commands are in `options` as well.
   */
  runWithoutContext?(io: CliIo, options: ArgumentsCamelCase<Options>): Promise<number>;
}

/** A command line: its name, its commands, and what they have in common. */
export interface Program<Context, Common = object> {
  /** What a user types to start it, such as `pnpm ops`. */
  readonly name: string;
  readonly summary: string;
  // biome-ignore lint/suspicious/noExplicitAny: commands of one list have different options
  readonly commands: readonly Command<Context, any>[];
  /** Lines below the help of the whole program. */
  readonly epilogue?: string;
  /** Declares the options of every command. */
  options(yargs: Argv): Argv<Common>;
  /**
   * Makes what commands run with, once the command line is known to be right.
   *
   * @param offline whether the command declares that it needs no account
   */
  context(options: ArgumentsCamelCase<Common>, io: CliIo, offline: boolean): Promise<Context>;
  /** Completes a value that yargs doesn't know. @returns `undefined` when yargs is to complete */
  complete?(words: readonly string[], io: CliIo): Promise<readonly string[] | undefined>;
  /** Makes the error that is shown of the one that was thrown. @default - the same */
  explain?(error: unknown): unknown;
}

/**
 * Makes the function that declares commands of one program; the types of a command's options follow from what
 * it declares.
 */
export function commandsFor<Context>() {
  return <Options>(command: Command<Context, Options>): Command<Context, Options> => command;
}

/** The widest help; a narrower terminal wraps it earlier. */
const MAX_WIDTH = 110;
/**
 * What completion scripts put before the words to complete. yargs expects the program's name between them.
 */
const COMPLETE = "--get-yargs-completions";

/**
 * Runs one command line. Errors are printed, not thrown.
 *
 * @returns the exit code: 0 for success, 1 when something is wrong, 2 for a wrong command line
 */
export async function runProgram<Context, Common>(
  program: Program<Context, Common>,
  argv: readonly string[],
  io: CliIo,
): Promise<number> {
  try {
    if (argv[0] === COMPLETE) return await complete(program, argv.slice(1), io);
    return await parseAndRun(program, argv, io);
  } catch (thrown) {
    const error = program.explain?.(thrown) ?? thrown;
    // An error of the program's own keeps its stack, so that it can be found.
    const text =
      error instanceof DbwardError ? error.message : error instanceof Error ? error.stack : String(error);
    io.complain(displayText(text ?? ""));
    return error instanceof UsageError ? 2 : 1;
  }
}

async function parseAndRun<Context, Common>(
  program: Program<Context, Common>,
  argv: readonly string[],
  io: CliIo,
): Promise<number> {
  let exitCode = 0;
  const parser = createParser(program, argv, io, async (run) => {
    exitCode = await run();
  });
  if (argv.length === 0 && !program.commands.some(isDefault)) {
    io.print(await parser.getHelp());
    return 2;
  }
  let output = "";
  await parser.parseAsync([...argv], {}, (_error: unknown, _argv: unknown, text: string) => {
    output = text;
  });
  // yargs offers `-s` as `--s` as well.
  if (output) for (const line of output.split("\n")) if (!/^--\w$/.test(line)) io.print(line);
  return exitCode;
}

function createParser<Context, Common>(
  program: Program<Context, Common>,
  argv: readonly string[],
  io: CliIo,
  handle: (run: () => Promise<number>) => Promise<void>,
): Argv {
  /** The command that yargs is in, and the commands below it. */
  let at: { usage: string; commands: readonly Command<Context>[] } = {
    usage: "<command>",
    commands: program.commands,
  };

  const add = (parser: Argv, command: Command<Context>, path: string): Argv => {
    const usage = `${path}${usageOf(command)}`;
    const prefix = `${path}${nameOf(command)} `;
    return parser.command({
      command: command.command,
      describe: command.summary,
      builder: (own: Argv) => {
        let built: Argv = own;
        // The default of a group stands for the group: what is wrong after its name may be another of its
        // commands.
        if (!isDefault(command)) {
          at = { usage, commands: command.commands ?? [] };
          built = own.usage(`$0 ${usage} [options]\n\n${command.summary}`);
        }
        for (const [line, explanation] of command.examples ?? [])
          built = built.example(`$0 ${line}`, explanation);
        for (const sub of command.commands ?? []) built = add(built, sub, prefix);
        if (command.commands && !command.run) built = built.demandCommand(1, NO_COMMAND);
        return (command.options?.(built) ?? built) as Argv;
      },
      handler: (options) => {
        const { run, runWithoutContext } = command;
        const single = lastOfEach(options, usage);
        if (runWithoutContext) return handle(() => runWithoutContext(io, single));
        if (!run) return;
        return handle(async () =>
          run(
            await program.context(single as ArgumentsCamelCase<Common>, io, command.offline === true),
            single,
          ),
        );
      },
    });
  };

  let parser = yargs([...argv])
    .scriptName(program.name)
    .usage(`$0 <command> [options]\n\n${program.summary}`)
    .detectLocale(false)
    .version(false)
    .help("help", "Show help")
    .alias("help", "h")
    .exitProcess(false)
    .wrap(Math.min(MAX_WIDTH, process.stdout.columns || MAX_WIDTH))
    .parserConfiguration({
      "populate--": true,
      "dot-notation": false,
      "parse-positional-numbers": false,
      "greedy-arrays": false,
    })
    .strict()
    .fail((message: string | null, error: Error | undefined) => {
      if (error && (error instanceof DbwardError || !message)) throw error;
      const commands = at.commands.map(nameOf);
      throw describeMistake(message ?? "", argv, {
        program: program.name,
        usage: at.usage,
        commands,
        options: optionsOf(parser),
      });
    });
  parser = program.options(parser) as Argv;
  if (!program.commands.some(isDefault)) parser = parser.demandCommand(1, NO_COMMAND);
  for (const command of program.commands) parser = add(parser, command, "");
  parser = parser.command({
    command: "completion <shell>",
    describe: "Print a completion script for bash or zsh",
    builder: (own: Argv) =>
      own
        .usage(`$0 completion <shell>\n\nPrint a completion script for bash or zsh`)
        .positional("shell", { choices: SHELLS, describe: "Shell that runs the script" })
        .example(`source <($0 completion bash)`, "Completion in this bash"),
    handler: async ({ shell }) =>
      handle(async () => {
        io.print(completionScript(program.name, shell as (typeof SHELLS)[number]));
        return 0;
      }),
  });
  return program.epilogue === undefined ? parser : parser.epilogue(program.epilogue);
}

/**
 * Of an option that stands twice the last value, as in most tools. yargs' own setting for it breaks
 * `[words..]`.
 */
function lastOfEach(options: ArgumentsCamelCase<object>, usage: string): ArgumentsCamelCase<object> {
  const isSingle = (name: string) => name !== "_" && name !== "--" && !usage.includes(`${name}..`);
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      Array.isArray(value) && isSingle(name) ? value.at(-1) : value,
    ]),
  ) as ArgumentsCamelCase<object>;
}

function isDefault({ command }: Pick<Command<never>, "command">): boolean {
  return typeof command !== "string" && command.includes("$0");
}

function usageOf({ command }: Pick<Command<never>, "command">): string {
  return typeof command === "string" ? command : command[0]!;
}

function nameOf(command: Pick<Command<never>, "command">): string {
  return usageOf(command).split(" ")[0]!;
}

/** The long names of all options that a parser has come across. */
function optionsOf(parser: Argv): string[] {
  const { parsed } = parser as { parsed?: false | { aliases?: Record<string, unknown> } };
  return Object.keys((parsed || undefined)?.aliases ?? {});
}

async function complete<Context, Common>(
  program: Program<Context, Common>,
  words: readonly string[],
  io: CliIo,
): Promise<number> {
  const own = await program.complete?.(words, io);
  if (own) for (const word of own) io.print(word);
  else await parseAndRun(program, [COMPLETE, program.name, ...words], io);
  return 0;
}
