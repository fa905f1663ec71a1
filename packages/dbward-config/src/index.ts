export { type DatabaseAddress, databaseAddress } from "./agent/database-urls.ts";
export { checkConfig, type DbwardProgram, type ReadConfig, readConfig } from "./check-config.ts";
export { isSeenBySync } from "./config-sync.ts";
export { type AgentTextContext, checkAgentText } from "./container-text/check-agent-text.ts";
export { checkDeployedConfig, type DeployedContainer } from "./container-text/check-deployed-config.ts";
export { checkServerText, type ServerTextContext } from "./container-text/check-server-text.ts";
export { type Finding, Findings } from "./container-text/findings.ts";
export { emptiedSectionsOfTexts, KEPT_SECTIONS } from "./emptied-sections.ts";
export { PLAIN_NAME, PLAIN_NAME_WORDS } from "./names.ts";
export type { Problem } from "./problem.ts";
export {
  agentCommand,
  agentEnvironment,
  type ConfigSource,
  type ContainerConfig,
  serverCommand,
  serverEnvironment,
} from "./render/container-command.ts";
export type { ResultStorage } from "./render/owned-texts.ts";
export { type RenderedServerConfig, renderServerConfig } from "./render/render-server-config.ts";
export type { ConfigTable, ConfigValue } from "./toml/nodes.ts";
export { expandVariables } from "./variables/expand.ts";
export { type VariableUse, variablesIn } from "./variables/references.ts";
