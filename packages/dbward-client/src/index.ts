export { type AgentSnapshot, type AgentStatus, KNOWN_AGENT_STATUSES } from "./agents.ts";
export { DbwardClient, type DbwardClientOptions, type ServerCounts } from "./client.ts";
export {
  AnswerTooLargeError,
  ConflictError,
  DbwardRequestError,
  MalformedAnswerError,
  RedirectError,
  type RequestFailureReason,
  RequestRefusedError,
  ServerDrainingError,
  ServerFailedError,
  ServerUnreachableError,
  ServerUrlError,
  TokenRefusedError,
  type UnreachableReason,
} from "./errors.ts";
export type { Health, Readiness } from "./health.ts";
export {
  type MetricSample,
  type MetricsSnapshot,
  parseMetricsText,
  REQUEST_STATES,
  type RequestCounts,
  type RequestState,
  requestCounts,
  type ServerCounters,
} from "./metrics-text.ts";
export type { CreatedToken, TokenInfo } from "./tokens.ts";
export type { Connect } from "./transport.ts";
export type { CreatedUser, CurrentUser, NewUser, ReissuedToken, UserInfo } from "./users.ts";
