export { checkConfig, type DbwardProgram, type ReadConfig, readConfig } from "./check-config.ts";
export type { Problem } from "./problem.ts";
export type { ConfigTable, ConfigValue } from "./toml/nodes.ts";
export { expandVariables } from "./variables/expand.ts";
export { type VariableUse, variablesIn } from "./variables/references.ts";
