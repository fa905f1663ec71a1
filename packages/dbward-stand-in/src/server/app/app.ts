import type { ServerConfig } from "../config/server-config.ts";
import type { ResultFiles } from "../state/results.ts";
import type { Store } from "../state/store.ts";
import type { AuditLog } from "./audit-log.ts";
import type { Clock } from "./clock.ts";
import type { Metrics } from "./metrics.ts";
import type { RequestEvents } from "./request-events.ts";
import type { SigningKey } from "./signing-key.ts";

/** What the routes work on. */
export interface App {
  /** What the file says; replaced when it is read again. */
  config: ServerConfig;
  readonly clock: Clock;
  readonly store: Store;
  readonly results: ResultFiles;
  readonly audit: AuditLog;
  readonly metrics: Metrics;
  readonly events: RequestEvents;
  /** Signs what agents execute. */
  readonly signingKey: SigningKey;
  /** Whether the server is stopping. */
  draining: boolean;
}
