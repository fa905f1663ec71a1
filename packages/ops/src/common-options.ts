import type { Argv } from "@dbward-aws/cli";
import { CONFIG_FILE } from "./import-config.ts";

/** Options of all commands. */
export type CommonOptions = ReturnType<typeof commonOptions> extends Argv<infer T> ? T : never;

/** Declares them. */
export function commonOptions(yargs: Argv) {
  const group = "Options of all commands:";
  return yargs
    .option("stage", {
      alias: "s",
      type: "string",
      requiresArg: true,
      group,
      describe: "Stage of the settings",
    })
    .option("profile", {
      type: "string",
      requiresArg: true,
      group,
      describe: "Profile of the AWS configuration",
    })
    .option("region", { type: "string", requiresArg: true, group, describe: "AWS region" })
    .option("config", {
      type: "string",
      requiresArg: true,
      group,
      default: CONFIG_FILE,
      describe: "Settings file",
    });
}
