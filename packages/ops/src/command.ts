import type { ParseArgsConfig } from "node:util";
import type { StageNames } from "@dbward-aws/contract";
import { DbwardError } from "@dbward-aws/core";
import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients } from "./aws-clients.ts";
import type { ConsoleLinks } from "./console-links.ts";

/** What a command of `pnpm ops` is given. */
export interface CommandContext {
  readonly settings: StageSettings;
  readonly names: StageNames;
  readonly clients: AwsClients;
  readonly region: string;
  readonly links: ConsoleLinks;
  /** Words behind the command's name. */
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** Writes one line to standard output. */
  print(line: string): void;
  /** Ends with Ctrl-C. */
  readonly signal: AbortSignal;
}

/** One command. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** What may follow the name. */
  readonly usage?: string;
  /** How many words may follow the name at most. @default 0 */
  readonly maxWords?: number;
  /** Options beside `--stage`, `--region`, `--config` and `--help`. */
  readonly options?: NonNullable<ParseArgsConfig["options"]>;
  /** @returns the exit code: 0 when all is well, 1 when something is wrong */
  run(context: CommandContext): Promise<number>;
}

/** The command line can't be understood. */
export class UsageError extends DbwardError {
  override readonly name = "UsageError";

  constructor(problem: string, hint = "Run `pnpm ops --help`.") {
    super("usage", problem, { hint });
  }
}
