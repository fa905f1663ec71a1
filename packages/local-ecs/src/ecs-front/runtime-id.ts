import { createHash } from "node:crypto";
import type { RunningTask } from "../task-runner/index.ts";

/** The id of a container in its runtime, in Fargate's form. */
export function runtimeId(task: RunningTask, container: string): string {
  const digits = BigInt(`0x${createHash("sha256").update(container).digest("hex").slice(0, 12)}`).toString();
  return `${task.arn.split("/").at(-1)}-${digits.slice(-10).padStart(10, "0")}`;
}
