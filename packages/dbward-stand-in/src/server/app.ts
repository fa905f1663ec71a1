import type { AuditLog } from "./audit.ts";
import type { Clock } from "./clock.ts";
import type { ServerConfig } from "./config.ts";
import type { SigningKey } from "./keys.ts";
import type { Metrics } from "./metrics.ts";
import type { RequestEvents } from "./requests/events.ts";
import type { ResultFiles } from "./state/results.ts";
import type { Store } from "./state/store.ts";

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
