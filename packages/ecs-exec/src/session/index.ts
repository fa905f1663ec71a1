export { ExecSession, type OutputListener, type SessionEnd } from "./exec-session.ts";
export { type LinkOptions, type SessionAddress, SessionLink, type SessionResumer } from "./session-link.ts";
export { defaultWebSocket, type WebSocketConstructor, type WebSocketLike } from "./web-socket.ts";
