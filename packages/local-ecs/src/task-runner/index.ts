/** Runs the tasks of the emulated ECS as processes of this machine. */

export { endOrphanedTasks } from "./process-list.ts";
export { findOnPath } from "./programs.ts";
export type { RunningService } from "./running-service.ts";
export type { RunningTask } from "./running-task.ts";
export { type ServiceName, type ServiceView, TaskRunner } from "./task-runner.ts";
