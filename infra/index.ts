export { AgentConfig } from "./agent/agent-config.ts";
export { type AgentDatabase, DbwardAgent, type DbwardAgentProps } from "./agent/dbward-agent.ts";
export { type AppliedAgent, ConfigApplier, type ConfigApplierProps } from "./apply/config-applier.ts";
export type { AgentToken } from "./capture/agent-token.ts";
export { CaptureMethod, type ExecCaptureOptions, type TaskCaptureOptions } from "./capture/capture-method.ts";
export { TokenCapture, type TokenCaptureProps } from "./capture/token-capture.ts";
export { TokenSecrets, type TokenSecretsProps } from "./capture/token-secrets.ts";
export { DbwardHours, type DbwardHoursProps } from "./hours/dbward-hours.ts";
export { DbwardMonitoring, type DbwardMonitoringProps } from "./monitoring/dbward-monitoring.ts";
export type { MonitoredAgent } from "./monitoring/monitored-stage.ts";
export { Receiver, type SlackChannel, type TeamsChannel } from "./monitoring/receiver.ts";
export { Egress } from "./network/egress.ts";
export { NewNetwork, type NewNetworkProps } from "./network/new-network.ts";
export { InvalidPropsError } from "./prop-problems.ts";
export { DbwardServer, type DbwardServerProps } from "./server/dbward-server.ts";
export { ServerConfig } from "./server/server-config.ts";
export type { ServerListenerOptions } from "./server/server-listener.ts";
export type { ServerLoadBalancerOptions } from "./server/server-load-balancer.ts";
export { AccessLogBucket } from "./state/access-log-bucket.ts";
export {
  NewBackupVault,
  type NewBackupVaultProps,
  VaultLock,
  type VaultRetention,
} from "./state/backup-vault.ts";
export { ExistingFileSystem, type ExistingFileSystemProps } from "./state/existing-file-system.ts";
export { NewFileSystem, type NewFileSystemProps } from "./state/new-file-system.ts";
export { ResultBucket, type ResultBucketProps } from "./state/result-bucket.ts";
export { ResultStorage } from "./state/result-storage.ts";
export { ServerBackup, type ServerBackupProps } from "./state/server-backup.ts";
export { ServerFileSystem, type ServerFileSystemProps } from "./state/server-file-system.ts";
export { StageKey, type StageKeyProps } from "./state/stage-key.ts";
export type { ParameterOptions } from "./task/config-text.ts";
