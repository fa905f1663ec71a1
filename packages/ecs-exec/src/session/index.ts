export {
  ExecSession,
  type OutputListener,
  type SessionAddress,
  type SessionEnd,
  type SessionResumer,
} from "./exec-session.ts";
export { defaultWebSocket, type WebSocketConstructor, type WebSocketLike } from "./web-socket.ts";
