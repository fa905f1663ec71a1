export { checkAgentConfig, checkServerConfig, type TextFindings } from "./config-text/check-config-text.ts";
export { agentContainer, serverContainer } from "./containers.ts";
export type * from "./dbward-config.ts";
export { defineConfig } from "./dbward-config.ts";
export { isEcr } from "./ecr.ts";
export { type LoadOptions, loadStage } from "./load-stage.ts";
export { type Problem, SettingsError } from "./problems.ts";
export type * from "./stage-settings.ts";
