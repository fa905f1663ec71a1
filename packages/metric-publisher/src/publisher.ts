import type { Deadline } from "@dbward-aws/core";
import type { Measurement } from "./measurement.ts";

/** Publishes measurements to CloudWatch. */
export interface MetricPublisher {
  /** @throws {PublishError} when some of them were not published */
  publish(measurements: readonly Measurement[], takenAt: Date, deadline: Deadline): Promise<void>;
}
