export { checkAgentText, checkServerText, type TextFindings } from "./check-config-text.ts";
export {
  agentCommand,
  agentEnvironment,
  serverCommand,
  serverEnvironment,
} from "./container/commands.ts";
export type * from "./dbward-config.ts";
export { defineConfig } from "./dbward-config.ts";
export { isEcr } from "./ecr.ts";
export { type LoadOptions, loadStage } from "./load-stage.ts";
export { type Problem, SettingsError } from "./problems.ts";
export type * from "./stage-settings.ts";
export { type ResultStorage, renderServerConfig } from "./toml/render-server-config.ts";
