/** Runs the tasks of the emulated ECS as processes of this machine. */

export { ECS_TARGET } from "./emulated-api.ts";
export { endOrphanedTasks } from "./process-list.ts";
export type { RunningService, ServiceEvent } from "./running-service.ts";
export type { RunningTask, StopCause, TaskStatus } from "./running-task.ts";
export { CREDENTIALS_PATH } from "./task-plan.ts";
export { type ServiceView, TaskRunner, type TaskRunnerOptions } from "./task-runner.ts";
