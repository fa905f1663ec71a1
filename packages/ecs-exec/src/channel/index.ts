export { type ChannelEvents, DataChannel, type DataChannelOptions } from "./data-channel.ts";
export { ChannelLost, EncryptionFailed, HandshakeFailed } from "./errors.ts";
export type { DataKey, DataKeyRequest } from "./handshake.ts";
