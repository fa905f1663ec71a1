/** ECS Exec's other end: the Session Manager service and the agent inside a container, as ECS has them. */
export type { AgentBehaviour, CommandView } from "./agent-session.ts";
export { ExecGateway } from "./exec-gateway.ts";
export type { ExecFaults } from "./faults.ts";
