import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { stageNames } from "@dbward-aws/contract";
import { DbwardError, displayText, escapeControls } from "@dbward-aws/core";
import { type DbwardConfig, loadStage } from "@dbward-aws/settings";
import { createAwsClients } from "./aws-clients.ts";
import { type Command, UsageError } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { consoleLinks } from "./console-links.ts";

/** What a run of the command line is given from outside. */
export interface CliIo {
  /** Folder in which dbward.config.ts is looked for. */
  readonly directory: string;
  /** Writes a line to standard output. */
  print(line: string): void;
  /** Writes a line to standard error. */
  complain(line: string): void;
  readonly signal: AbortSignal;
}

const COMMON_OPTIONS = {
  stage: { type: "string", short: "s" },
  region: { type: "string" },
  config: { type: "string", default: "dbward.config.ts" },
  help: { type: "boolean", short: "h" },
} as const;

/** Runs one command line. @returns the exit code: 0 well, 1 something is wrong, 2 not understood */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    return await run(argv, io);
  } catch (error) {
    // A mistake of ours keeps its stack, so that it can be found.
    const text =
      error instanceof DbwardError ? error.message : error instanceof Error ? error.stack : String(error);
    io.complain(displayText(text ?? ""));
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run([name, ...rest]: readonly string[], io: CliIo): Promise<number> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    for (const line of help()) io.print(line);
    return name === undefined ? 2 : 0;
  }
  if (name.startsWith("-"))
    throw new UsageError("The command comes first.", "Such as: pnpm ops status --stage prod");
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command)
    throw new UsageError(`There is no command "${name}".`, `There are: ${Object.keys(COMMANDS).join(", ")}.`);
  const { values, positionals } = parse(command, rest);
  if (values.help) {
    io.print(usageOf(name, command));
    io.print(command.summary);
    return 0;
  }
  const excess = positionals[command.maxWords ?? 0];
  if (excess !== undefined)
    throw new UsageError(`${name} can't take "${excess}".`, `Write: ${usageOf(name, command)}`);
  if (typeof values.stage !== "string")
    throw new UsageError("Which stage?", "Name it with --stage, such as --stage prod.");

  const file = resolve(io.directory, String(values.config));
  const settings = loadStage(await importConfig(file), values.stage, { root: dirname(file) });
  const clients = createAwsClients(typeof values.region === "string" ? values.region : undefined);
  const region = await clients.ecs.config.region().catch(() => {
    throw new UsageError("Which region?", "Name it with --region, or set AWS_REGION.");
  });
  return command.run({
    settings,
    names: stageNames(settings.stage),
    clients,
    region,
    links: consoleLinks(region),
    words: positionals,
    options: values,
    // Much of what commands print comes from containers and from AWS.
    print: (line) => io.print(escapeControls(line)),
    signal: io.signal,
  });
}

function parse(command: Command, args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { ...COMMON_OPTIONS, ...command.options },
      allowPositionals: true,
    }) as { values: Record<string, string | boolean | undefined>; positionals: string[] };
  } catch (error) {
    throw new UsageError(`${(error as Error).message.replace(/\.?$/, ".")}`);
  }
}

async function importConfig(file: string): Promise<DbwardConfig> {
  if (!existsSync(file))
    throw new UsageError(
      `There is no ${file}.`,
      "Run this in the project's folder, or name the file with --config.",
    );
  const module = (await import(pathToFileURL(file).href)) as { default?: DbwardConfig };
  if (!module.default)
    throw new UsageError(
      `${file} has no default export.`,
      "It has to begin with: export default defineConfig({ …",
    );
  return module.default;
}

function help(): string[] {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    "pnpm ops COMMAND --stage STAGE [--region REGION]",
    "",
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "pnpm ops COMMAND --help says what may follow a command. Exit code: 0 well, 1 something is wrong, 2 not understood.",
    "Credentials and region are the AWS SDK's: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and so on.",
  ];
}

function usageOf(name: string, { usage }: Command): string {
  return `pnpm ops ${name} ${usage ? `${usage} ` : ""}--stage STAGE`;
}
