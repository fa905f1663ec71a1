export { type MetricsRotationResult, rotateMetricsToken } from "./rotate-metrics-token.ts";
export {
  type RotatedTasks,
  type Rotation,
  RotationError,
  type RotationResult,
  type RotationState,
  rotateToken,
  rotationState,
} from "./rotate-token.ts";
export { POLL_WITHIN, seePoll } from "./see-poll.ts";
export {
  callOptions,
  findByValue,
  isAccepted,
  prefixOf,
  type ServerAccess,
  subjectOf,
  type Verdict,
  verifyToken,
} from "./server-tokens.ts";
export { TokenStore, type TokenVersion, type TokenVersions } from "./token-store.ts";
