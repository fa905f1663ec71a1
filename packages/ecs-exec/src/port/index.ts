/** Ports of ECS tasks, and of hosts that they reach. */
export {
  LocalPortInUse,
  PortConnectionFailed,
  type PortConnectionFailure,
  PortSessionEnded,
  PortTimeout,
} from "./errors.ts";
export {
  type ForwardedPort,
  type ForwardRequest,
  PortForwarder,
  type PortForwarderOptions,
  type PortRequest,
} from "./port-forwarder.ts";
export type { PortBehaviour, PortSession } from "./port-session.ts";
