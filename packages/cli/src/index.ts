export type { Argv } from "yargs";
export { type ActionOptions, act, actionOptions, type Plan } from "./action.ts";
export { UsageError } from "./errors.ts";
export { type CliIo, processIo, type Terminal } from "./io.ts";
export { type Command, commandsFor, type Program, runProgram } from "./program.ts";
export { createProgress, type Progress } from "./progress.ts";
export { splitOptions } from "./split-options.ts";
export { table } from "./table.ts";
