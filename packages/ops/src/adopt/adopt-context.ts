import type { CliIo } from "@dbward-aws/cli";
import { DbwardError } from "@dbward-aws/core";
import type { CommandContext } from "../command.ts";
import type { CommonOptions } from "../common-options.ts";
import { createContext } from "../create-context.ts";
import type { DeployTool } from "../deploy-stage.ts";
import type { StackChoice } from "./hand-run.ts";

/** Where the command runs. */
export interface AdoptContext {
  readonly stage: string;
  readonly configFile: string;
  /** Its folder. */
  readonly root: string;
  /** Options of all commands. */
  readonly common: Pick<CommonOptions, "stage" | "profile" | "region" | "config">;
  readonly io: CliIo;
}

/** What the command line says. */
export interface AdoptRequest {
  readonly stacks: StackChoice;
  readonly subnets: readonly string[];
  readonly databaseCidrs: readonly string[];
  readonly back: boolean;
  readonly tool: DeployTool;
}

/** A manual deployment was not taken over. */
export class AdoptionError extends DbwardError {
  override readonly name = "AdoptionError";

  constructor(message: string, hint: string, cause?: unknown) {
    super("adoption-failed", message, { hint, cause });
  }
}

/** The context of the stage. The settings are read each time: `pnpm ops adopt` writes them. */
export function contextOf({ common, io }: AdoptContext): Promise<CommandContext> {
  return createContext(common, { ...io, complain: () => {} }, false, Date.now());
}
