import { type CliIo, commandsFor, type Program, runProgram, UsageError } from "@dbward-aws/cli";
import { StorageFailed } from "../stage/errors.ts";
import { deploy, remove } from "./deploy.ts";
import { down } from "./down.ts";
import { showEnvironment } from "./show-environment.ts";
import { showLogs } from "./show-logs.ts";
import { showStatus } from "./show-status.ts";
import { StageFiles } from "./stage-files.ts";
import { up } from "./up.ts";

/** What every command of `pnpm local` works with. */
interface LocalContext {
  /** Folder of the checkout. */
  readonly root: string;
  readonly files: StageFiles;
  /** Aborts on Ctrl-C, on SIGTERM, and when the terminal is closed. */
  readonly signal: AbortSignal;
}

const command = commandsFor<LocalContext>();

/** Ports below are for the system, and the guards of ports need some above. */
const [MIN_PORT, MAX_PORT] = [1_024, 65_000];

const stageOption = {
  alias: "s",
  type: "string",
  requiresArg: true,
  describe: "Further stage of the settings, in the same emulated account",
} as const;

const COMMANDS = [
  command({
    command: ["up", "$0"],
    summary: "Start the local stage, or attach to it. Runs when no command is named",
    examples: [
      ["", "Ctrl-C ends it"],
      ["--detach", "Returns once everything runs; exit code 1 when a service doesn't"],
    ],
    options: (yargs) =>
      yargs
        .option("detach", { alias: "d", type: "boolean", default: false, describe: "Leave it running" })
        .option("port", { type: "string", requiresArg: true, describe: "Port of the emulated account" }),
    run: (context, { detach, port }) => up({ ...context, detach, ...portOf(port) }),
  }),
  command({
    command: "deploy",
    summary: "Deploy changed settings to the running stage, and wait until they run",
    examples: [
      ["deploy", "The account's first stage"],
      ["deploy --stage dev", "A further stage"],
    ],
    options: (yargs) => yargs.option("stage", stageOption),
    run: (context, { stage }) => deploy(context, { stage }),
  }),
  command({
    command: "remove",
    summary: "Remove a further stage; the account and its other stages stay",
    examples: [["remove --stage dev", "As sst remove does"]],
    options: (yargs) => yargs.option("stage", { ...stageOption, demandOption: true }),
    run: (context, { stage }) => remove(context, stage),
  }),
  command({
    command: "status",
    summary: "Show what runs and what is wrong",
    examples: [
      ["status", "For people"],
      ["status --json", "For scripts"],
    ],
    options: (yargs) =>
      yargs
        .option("stage", stageOption)
        .option("json", { type: "boolean", default: false, describe: "Print JSON" }),
    run: ({ files }, { stage, json }) => showStatus(files, { stage, json }),
  }),
  command({
    command: "env",
    summary: "Print the addresses and keys that other tools need, as commands of a POSIX shell",
    examples: [["env", 'For a shell: eval "$(pnpm -s local env)"']],
    options: (yargs) => yargs.option("stage", stageOption),
    run: ({ files }, { stage }) => showEnvironment(files, { stage }),
  }),
  command({
    command: "logs [name]",
    summary: "Show what containers, functions and the stage's own tools logged",
    examples: [
      ["logs", "Containers and functions"],
      ["logs server --follow", "Sources with `server` in their name, until Ctrl-C"],
      ["logs deploy", "What sst deploy printed"],
    ],
    options: (yargs) =>
      yargs
        .positional("name", {
          type: "string",
          describe: "Part of a log group's name, or a log of .local/logs such as deploy, emulator or tasks",
        })
        .option("stage", stageOption)
        .option("follow", { alias: "f", type: "boolean", default: false, describe: "Go on until Ctrl-C" }),
    run: ({ files }, { name, stage, follow }) => showLogs({ files, source: name, stage, follow }),
  }),
  command({
    command: "down",
    summary: "End the local stage with all its stages, and the emulated account",
    examples: [["down", "Logs and ports are kept"]],
    run: ({ files }) => down(files),
  }),
];

/**
 * Runs one command line of `pnpm local`.
 *
 * @param root folder of the checkout
 * @returns the exit code: 0 for success, 1 when something is wrong, 2 for a wrong command line
 */
export function runLocal(argv: readonly string[], root: string, io: CliIo): Promise<number> {
  const files = new StageFiles(root);
  const program: Program<LocalContext> = {
    name: "pnpm local",
    summary: "Run dbward on this machine, in an emulated AWS account, deployed as sst deploys it.",
    commands: COMMANDS,
    options: (yargs) => yargs,
    context: async () => ({ root, files, signal: AbortSignal.any([io.signal, hangUp()]) }),
    explain: (error) => StorageFailed.explain(error, files.directory),
  };
  return runProgram(program, argv, io);
}

function portOf(text: string | undefined): { readonly port?: number } {
  if (text === undefined) return {};
  const port = Number(text);
  if (Number.isInteger(port) && port >= MIN_PORT && port <= MAX_PORT) return { port };
  throw new UsageError(`--port can't be "${text}".`, `Use a number from ${MIN_PORT} to ${MAX_PORT}.`);
}

/** Aborts when the terminal is closed. */
function hangUp(): AbortSignal {
  const closed = new AbortController();
  process.once("SIGHUP", () => closed.abort());
  return closed.signal;
}
