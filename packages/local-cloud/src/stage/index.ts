export { type ClientConfig, EmulatorUnavailable, PortInUse } from "@dbward-aws/local-account";
export type { DeployOptions } from "./deployments.ts";
export { CurlMissing, StageEnded, StageNotRunning, ToolFailed } from "./errors.ts";
export { type LocalStage, type LocalStageOptions, startLocalStage } from "./local-stage.ts";
export { type ReservedPorts, reservePorts, type StagePorts } from "./ports.ts";
export { type Note, Progress, type ProgressEvent } from "./progress.ts";
export { type RedeployOptions, redeploy } from "./redeploy.ts";
export type { SecretStatus, ServiceStatus, StageStatus } from "./status.ts";
