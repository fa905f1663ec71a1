import { resolve } from "node:path";
import { type CliIo, type Program, runProgram } from "@dbward-aws/cli";
import type { CommandContext } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { type CommonOptions, commonOptions } from "./common-options.ts";
import { completeValue } from "./complete-value.ts";
import { createContext } from "./create-context.ts";
import { CONFIG_FILE, importConfig } from "./import-config.ts";

/** Runs one command line of `pnpm ops`. @returns the exit code: 0 for success, 1 when something is wrong, 2 for a wrong command line */
export function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  return runProgram(OPS, argv, io);
}

const OPS: Program<CommandContext, CommonOptions> = {
  name: "pnpm ops",
  summary: "Operate a deployed stage.",
  commands: COMMANDS,
  epilogue: `Exit codes: 0 success, 1 something is wrong, 2 wrong command line.
Credentials: --profile, AWS_ACCESS_KEY_ID, AWS_PROFILE, the SDK's default chain.
Region: --region, the stage's settings, AWS_REGION, the profile.`,
  options: (yargs) => commonOptions(yargs),
  context: createContext,
  complete: (words, io) =>
    completeValue(words, () =>
      importConfig(resolve(io.directory, optionOf(words, "--config") ?? CONFIG_FILE)),
    ),
};

function optionOf(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}
