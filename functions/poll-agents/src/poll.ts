import { POLLER_LIMITS } from "@dbward-aws/contract";
import { Deadline, type Logger } from "@dbward-aws/core";
import { DbwardRequestError } from "@dbward-aws/dbward-client";
import type { MetricPublisher } from "@dbward-aws/metric-publisher";
import { type MeasureSettings, measure } from "./measure.ts";
import { type PollFailure, type Snapshot, type SnapshotSources, takeSnapshot } from "./snapshot.ts";

/** What a poll needs. */
export interface Poller {
  readonly settings: MeasureSettings;
  readonly sources: SnapshotSources;
  readonly publisher: MetricPublisher;
  /** Changes the number of tasks of agents that have bounds. @default - it stays as it is */
  readonly scale?: (snapshot: Snapshot, deadline: Deadline) => Promise<void>;
  readonly logger: Logger;
}

/**
 * One poll: takes a snapshot, scales agents by it, and publishes its measurements. Failures of the server,
 * the secret and ECS are measurements.
 *
 * @param availableMs milliseconds until the function times out; the snapshot takes at most half of them.
 *   @default - no timeout
 * @throws {PublishError} when the measurements do not reach CloudWatch
 */
export async function poll(
  { settings, sources, publisher, scale, logger }: Poller,
  availableMs: number = Number.POSITIVE_INFINITY,
): Promise<void> {
  const snapshot = await takeSnapshot(
    sources,
    Deadline.after(Math.min(POLLER_LIMITS.snapshotMs, availableMs / 2)),
  );
  for (const failure of snapshot.failures) logger.warn("poll.failure", describeFailure(failure));
  // Before the metrics, whose failure ends the function.
  await scale?.(snapshot, Deadline.after(POLLER_LIMITS.scaleMs));
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

function summarize({ durationMs, ready, agents, counts, tasks, failures }: Snapshot) {
  return {
    durationMs: Math.round(durationMs),
    ready: ready?.state,
    agents: agents?.length,
    requests: counts?.requests,
    tasks: tasks && { server: tasks.server, agents: Object.fromEntries(tasks.agents) },
    failures: failures.map(({ source, reason }) => `${source}:${reason}`),
  };
}
