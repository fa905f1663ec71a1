import type { Deadline } from "@dbward-aws/core";
import type { Measurement } from "./measurement.ts";

/** Hands measurements to CloudWatch. */
export interface MetricPublisher {
  /** @throws {PublishError} when they did not arrive */
  publish(measurements: readonly Measurement[], takenAt: Date, deadline: Deadline): Promise<void>;
}
