/**
 * ECS on this machine: tasks as processes, the ECS API before the emulated one, and the other end of ECS
 * Exec.
 */
export { type EcsFront, type EcsFrontOptions, startEcsFront } from "./ecs-front/index.ts";
export type { AgentBehaviour, ExecFaults } from "./exec-gateway/index.ts";
export { endOrphanedTasks, findOnPath, type ServiceView } from "./task-runner/index.ts";
