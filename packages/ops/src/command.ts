import { type CliIo, commandsFor } from "@dbward-aws/cli";
import type { StageNames } from "@dbward-aws/contract";
import type { StageSettings } from "@dbward-aws/settings";
import type { AwsClients, ConsoleLinks } from "@dbward-aws/stage";

/** What every command of `pnpm ops` works with. */
export interface CommandContext {
  readonly settings: StageSettings;
  /** Folder of dbward.config.ts. */
  readonly root: string;
  /** Names of the stage; cluster and services as they are deployed. */
  readonly names: StageNames;
  readonly clients: AwsClients;
  readonly region: string;
  /** Pages of the AWS console. @default - the account is emulated, and has none */
  readonly links?: ConsoleLinks;
  readonly io: CliIo;
  /** Writes one line to standard output. */
  print(line: string): void;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Declares a command of `pnpm ops`. */
export const command = commandsFor<CommandContext>();
