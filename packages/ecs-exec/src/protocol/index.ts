/**
 * Frames and payloads of the Session Manager data channel, for both ends of it. Nothing here does any I/O.
 */
export * from "./acknowledge.ts";
export * from "./constants.ts";
export * from "./errors.ts";
export * from "./handshake.ts";
export { type AgentMessage, decodeMessage, encodeMessage, type NewMessage } from "./message.ts";
export * from "./session.ts";
export * from "./smux.ts";
