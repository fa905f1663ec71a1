/**
 * The other end of ECS Exec and of port sessions: the Session Manager service and the agent inside a
 * container, as ECS has them.
 */
export type { AgentBehaviour } from "./agent-session.ts";
export type { CommandView } from "./command-session.ts";
export { ExecGateway, type ExecSession } from "./exec-gateway.ts";
export type { ExecFaults } from "./faults.ts";
