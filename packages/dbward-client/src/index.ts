export { type AgentSnapshot, type AgentStatus, KNOWN_AGENT_STATUSES } from "./agents.ts";
export {
  type CreatedToken,
  type CreatedUser,
  DbwardClient,
  type DbwardClientOptions,
  type NewUser,
  type ReissuedToken,
  type TokenInfo,
} from "./client.ts";
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
} from "./metrics-text.ts";
