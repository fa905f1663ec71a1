/** Commands and shells in the containers of ECS tasks. */
export { ChannelLost, type DataKey, EncryptionFailed, HandshakeFailed } from "./channel/index.ts";
export type { DataKeySource, SessionKeyRequest } from "./data-key-source.ts";
export type { ContainerReference } from "./ecs/container.ts";
export { EcsExec, type EcsExecOptions, type ExecStream, type OpenRequest } from "./ecs-exec.ts";
export {
  AccessDenied,
  AgentNotRunning,
  CommandFailed,
  type CommandFate,
  CommandNotStarted,
  ExecNotEnabled,
  NoWebSocket,
  OutputTooLarge,
  SessionRefused,
  TargetNotConnected,
  TaskNotFound,
  Timeout,
} from "./errors.ts";
export type { ExecOutcome, ExecRequest, ExecResult, ScriptOrCommand } from "./exec-request.ts";
export { InputTooLarge, InputTruncated, OutputTruncated, ToolsMissing } from "./framing/index.ts";
export type { TerminalSize } from "./protocol/index.ts";
export type { RawSession } from "./raw-session.ts";
export type {
  SessionAddress,
  SessionEnd,
  SessionResumer,
  WebSocketConstructor,
  WebSocketLike,
} from "./session/index.ts";
