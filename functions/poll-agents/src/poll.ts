import { POLLER_LIMITS } from "@dbward-aws/contract";
import { Deadline, type Logger } from "@dbward-aws/core";
import { DbwardRequestError } from "@dbward-aws/dbward-client";
import { type MeasureSettings, measure } from "./measure.ts";
import type { MetricPublisher } from "./publisher.ts";
import { type PollFailure, type Snapshot, type SnapshotSources, takeSnapshot } from "./snapshot.ts";

/** What a poll works with. */
export interface Poller {
  readonly settings: MeasureSettings;
  readonly sources: SnapshotSources;
  readonly publisher: MetricPublisher;
  readonly logger: Logger;
}

/**
 * One poll: a snapshot, its measurements, one publication. Whatever the server, the secret and ECS do is a measurement.
 *
 * @param availableMs milliseconds until the function is ended; the snapshot takes at most half of them.
 *   @default - no end
 * @throws {PublishError} when the measurements did not reach CloudWatch
 */
export async function poll(
  { settings, sources, publisher, logger }: Poller,
  availableMs: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  const snapshot = await takeSnapshot(
    sources,
    Deadline.after(Math.min(POLLER_LIMITS.snapshotMs, availableMs / 2)),
  );
  for (const failure of snapshot.failures) logger.warn("poll.failure", describeFailure(failure));
  const measurements = measure(snapshot, settings);
  await publisher.publish(measurements, snapshot.takenAt, Deadline.after(POLLER_LIMITS.publishMs));
  logger.info("poll.done", { ...summarize(snapshot), measurements: measurements.length });
}

function describeFailure({ source, reason, error }: PollFailure) {
  return {
    source,
    reason,
    ...(error instanceof DbwardRequestError ? { status: error.status, apiCode: error.apiCode } : {}),
    error,
  };
}

function summarize({ durationMs, ready, agents, requests, tasks, failures }: Snapshot) {
  return {
    durationMs: Math.round(durationMs),
    ready: ready?.state,
    agents: agents?.length,
    requests,
    tasks: tasks && { server: tasks.server, agents: Object.fromEntries(tasks.agents) },
    failures: failures.map(({ source, reason }) => `${source}:${reason}`),
  };
}
