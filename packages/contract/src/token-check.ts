import { POLLER_ENVIRONMENT } from "./poller.ts";

/** Environment variables of the function that checks and rotates the tokens. The construct sets them. */
export const TOKEN_CHECK_ENVIRONMENT = {
  stage: POLLER_ENVIRONMENT.stage,
  serverUrl: POLLER_ENVIRONMENT.serverUrl,
  publisher: POLLER_ENVIRONMENT.publisher,
  cluster: POLLER_ENVIRONMENT.cluster,
  serverService: POLLER_ENVIRONMENT.serverService,
  agentServicePrefix: POLLER_ENVIRONMENT.agentServicePrefix,
  agents: POLLER_ENVIRONMENT.agents,
  /** Age in days at which a token is rotated; empty: no token is. */
  rotateAfterDays: "DBWARD_ROTATE_AFTER_DAYS",
} as const;

/** The event of the function, which its rules send: anything else is a check. */
export const TOKEN_CHECK_EVENTS = {
  /** Asks the server for each token, and publishes the result. */
  check: { task: "check" },
  /** Does what is left of the rotations that are under way or due. */
  rotate: { task: "rotate" },
} as const;

/** Days after which a token that should have been rotated counts as overdue. */
export const ROTATION_GRACE_DAYS = 2;

/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;
