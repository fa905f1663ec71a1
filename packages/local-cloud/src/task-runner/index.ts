/** Runs the tasks of the emulated ECS as processes of this machine. */

export { ECS_TARGET } from "./emulated-api.ts";

export type { RunningService } from "./running-service.ts";
export type { RunningTask } from "./running-task.ts";
export { type ServiceView, TaskRunner } from "./task-runner.ts";
