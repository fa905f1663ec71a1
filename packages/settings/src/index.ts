export { checkAgentConfig, checkServerConfig, type TextFindings } from "./check-config-text.ts";
export { clusterName, namesOf } from "./cluster.ts";
export { agentContainer, serverContainer } from "./containers.ts";
export { type DbwardConfig, defineConfig } from "./dbward-config.ts";
export { type EcrRepository, ecrRepository, ecrRepositoryOf } from "./ecr.ts";
export { type AccountFacts, accountFacts, type NetworkFacts } from "./facts/account-facts.ts";
export { differingFacts } from "./facts/differing-facts.ts";
export {
  completeNetwork,
  type ExistingNetwork,
  type ExistingSubnet,
  existingNetwork,
} from "./facts/existing-network.ts";
export { LOOKUP_FILE, nextLookups, readLookups } from "./facts/lookup-file.ts";
export { NETWORK_OUTPUT, type NetworkChange, networkChange, networkRecord } from "./facts/network-record.ts";
export { type GroupRules, securityGroupRules } from "./facts/security-group-rules.ts";
export { type ImageTagParts, imageAddress, imageTagParts, splitImageAddress } from "./image-tag.ts";
export { type LoadOptions, loadStage } from "./load-stage.ts";
export { type Problem, SettingsError } from "./problems.ts";
export { checkRegion, regionOfArn, regionProblems } from "./region-problems.ts";
export { partitionOf } from "./regions.ts";
export type { AgentSettings, DatabaseSettings } from "./schema/agent.ts";
export { NEW_KEY } from "./schema/encryption.ts";
export type { HoursSettings } from "./schema/hours.ts";
export type { MonitoringSettings } from "./schema/monitoring.ts";
export type {
  Egress,
  ExistingNetworkSettings,
  NetworkSettings,
  NewNetworkSettings,
} from "./schema/network.ts";
export type { ListenerSettings, LoadBalancerSettings, ServerSettings } from "./schema/server.ts";
export type { StageInput } from "./schema/stage.ts";
export type { StorageSettings } from "./schema/storage.ts";
export type { ImageSettings } from "./schema/task.ts";
export { type SecretReference, secretReference } from "./secret-reference.ts";
export type { StageSettings } from "./stage-settings.ts";
export {
  type ExistingState,
  readStageState,
  readState,
  STATE_FILE,
  type StageState,
  StateFileError,
  withStageState,
  writeStageState,
} from "./state-file.ts";
export { type UsedSecret, usedSecrets } from "./used-secrets.ts";
export {
  readVersions,
  type StageVersions,
  VERSIONS_FILE,
  VersionsFileError,
  withStageVersions,
  writeVersions,
} from "./versions-file.ts";
